// What a person has told PlexSync to leave alone, and how to take that back.

import { add, button, el, fill } from "./dom.js";
import { nothing } from "./pieces.js";

const PAGE = 100;

export class LeftAlone {
  constructor(page, close) {
    this._page = page;
    this._rules = el("div");
    this._more = el("div");
    const { t } = page.texts;
    this.element = el(
      "section",
      { class: "card" },
      el(
        "div",
        { class: "head" },
        el("h2", { tabindex: -1 }, t("left.title")),
        button(t("close"), close),
      ),
      el("p", { class: "quiet" }, t("left.text")),
      this._rules,
      this._more,
    );
    this._load();
  }

  async _load(offset = 0) {
    const { t, error } = this._page.texts;
    fill(this._more);
    try {
      const { rules, total } = await this._page.server.ask("plan/left", { limit: PAGE, offset });
      if (!offset) fill(this._rules, !total && nothing(t("left.none"), ""));
      add(this._rules, rules.map((rule) => this._rule(rule)));
      const next = offset + PAGE;
      if (next < total) fill(this._more, button(t("left.more"), (pressed) => this._page.act(pressed, () => this._load(next))));
    } catch (problem) {
      fill(this._more, el("p", {}, error(problem)));
    }
  }

  _rule({ source, key, field, title }) {
    const { t } = this._page.texts;
    const name = this._page.texts.field(field);
    const whose = this._page.source(source);
    const of = key === null ? t("left.whole", { source: whose }) : `${title || key} · ${whose}`;
    const take = (pressed) =>
      this._page.act(pressed, async () => {
        const which = key === null ? {} : { key };
        await this._page.server.ask("plan/leave", { source, ...which, field, leave: false });
        await this._load();
        this.element.querySelector("h2").focus();
      });
    return el(
      "div",
      { class: "head change" },
      el("div", { class: "break" }, el("h3", {}, name), el("span", { class: "quiet" }, of)),
      button(t("left.take_back"), take, { "aria-label": t("left.take_back_this", { field: `${name}, ${of}` }) }),
    );
  }
}

// What a person has told PlexSync to leave alone, and how to take that back.

import { button, el, fill } from "./dom.js";
import { nothing } from "./pieces.js";

export class LeftAlone {
  constructor(page, close) {
    this._page = page;
    this._rules = el("div");
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
    );
    this._load();
  }

  async _load() {
    const { t, error } = this._page.texts;
    try {
      const { rules } = await this._page.server.ask("plan/left");
      fill(
        this._rules,
        rules.length ? rules.map((rule) => this._rule(rule)) : nothing(t("left.none"), ""),
      );
    } catch (problem) {
      fill(this._rules, el("p", {}, error(problem)));
    }
  }

  _rule({ source, key, field }) {
    const { t } = this._page.texts;
    const name = this._page.texts.field(field);
    const of = key === null ? t("left.whole", { source: this._page.source(source) }) : `${key} · ${this._page.source(source)}`;
    const take = (event) =>
      this._page.act(event, async () => {
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

// One record of the plan, read afresh: what would be written to each of its items.

import { drawChange } from "./change.js";
import { button, el, fill } from "./dom.js";
import { fact, nothing, staying } from "./pieces.js";

export class PlanItem {
  constructor(page, source, key, { back, written: changed }) {
    Object.assign(this, { _page: page, _source: source, _key: key, _back: back, _changed: changed });
    this.element = el("section", { class: "card", "aria-busy": "true" });
    fill(this.element, this._head(""), el("p", { class: "quiet" }, page.texts.t("loading")));
    this._load();
  }

  async _load() {
    const { t, error } = this._page.texts;
    try {
      this._plan = await this._page.server.ask("plan/item", this._record);
      this._draw();
      this._page.refocus();
    } catch (problem) {
      fill(this.element, this._head(""), nothing(error(problem), "", button(t("again"), () => this._load())));
    } finally {
      this.element.removeAttribute("aria-busy");
    }
  }

  /** Look again where something was written since, or could not be. */
  update({ written, failed }) {
    const marks = `${written} ${failed}`;
    if (this._waits && this._marks !== marks) this._load();
    this._waits = this._waits && this._failed === failed;
    this._marks = marks;
    this._failed = failed;
  }

  get _record() {
    return { source: this._source, key: this._key };
  }

  _head(title, writes = false) {
    const { t, count } = this._page.texts;
    return el(
      "div",
      { class: "head" },
      el("h2", { class: "break", dir: "auto" }, title || this._key),
      writes && this._waits && el("p", { class: "quiet", role: "status" }, count("plan.status.queued", 1)),
      writes &&
        !this._waits &&
        button(t("plan.write_this"), (pressed) => this._write(pressed), { class: "button primary" }),
      button(t("back"), this._back, { class: "button back" }),
      button(t("close"), this._back, { class: "button close" }),
    );
  }

  _draw() {
    const { t, reason, field, list } = this._page.texts;
    const plan = this._plan;
    fill(
      this.element,
      this._head(
        plan.items[0]?.title,
        plan.items.some((item) => item.changes.length),
      ),
      el("p", { class: "quiet" }, this._page.source(this._source)),
      plan.reason && el("p", {}, reason(plan.reason)),
      plan.reason && el("p", {}, button(t("plan.see_needs"), () => this._page.go("needs", { reason: plan.reason }))),
      plan.items.map((item) => this._item(item)),
      plan.to_be_compared?.length > 0 &&
        el("p", { class: "quiet" }, t("plan.unseen", { fields: list(plan.to_be_compared.map(field)) })),
      this._leftAlone(plan.left_alone ?? []),
    );
  }

  _item(item) {
    const { t } = this._page.texts;
    const several = this._plan.items.length > 1;
    return el(
      "section",
      {},
      several &&
        el("h3", {}, [item.title, this._page.library(item.library)].filter(Boolean).join(" · ")),
      item.changes.length
        ? item.changes.map((change) => this._change(item, change))
        : el("p", {}, t("plan.in_line")),
      this._kept(item),
    );
  }

  _change(item, change) {
    const { t } = this._page.texts;
    const { server } = this._page;
    const label = (name) => t(name, { field: this._page.texts.field(change.field) });
    return drawChange(this._page, change, {
      paths: {
        before: server.picture(item.rating_key, change.field),
        after: server.wanted(this._source, this._key, change.field),
      },
      actions: el(
        "details",
        { class: "menu" },
        el(
          "summary",
          {},
          t("left.leave"),
          el("span", { class: "hidden" }, this._page.texts.field(change.field)),
        ),
        el(
          "div",
          { class: "actions" },
          button(t("left.here"), (pressed) => this._leave(pressed, change.field, true), {
            "aria-label": label("left.leave_here"),
          }),
          button(t("left.everywhere"), (pressed) => this._leave(pressed, change.field, false), {
            "aria-label": label("left.leave_everywhere"),
          }),
        ),
      ),
    });
  }

  _kept(item) {
    const { texts } = this._page;
    return staying(texts, item.kept ?? {}, item.adopted ?? [], texts.t("plan.adopted"));
  }

  _leftAlone(fields) {
    const { t, field } = this._page.texts;
    if (!fields.length) return null;
    return el(
      "section",
      { class: "change" },
      el("h3", {}, t("left.title")),
      fields.map((name) =>
        el(
          "div",
          { class: "head" },
          el("span", {}, field(name)),
          button(t("left.take_back"), (pressed) => this._leave(pressed, name, true, false), {
            "aria-label": t("left.take_back_this", { field: field(name) }),
          }),
        ),
      ),
    );
  }

  async _leave(pressed, field, here, leave = true) {
    await this._page.act(pressed, async () => {
      const which = here ? { key: this._key } : {};
      await this._page.server.ask("plan/leave", { source: this._source, ...which, field, leave });
      await this._load();
      this._changed();
    });
  }

  async _write(pressed) {
    await this._page.act(pressed, async () => {
      const { items } = await this._page.server.ask("plan/write", {
        items: [{ ...this._record, digest: this._plan.digest }],
      });
      this._page.toast(written(this._page.texts, items));
      this._waits = items.some(({ status }) => status === "queued");
      await this._load();
      this._changed();
    });
  }
}

/** Say in one sentence what became of what was to be written. */
export function written(texts, done) {
  const counts = new Map();
  for (const { status } of done) counts.set(status, (counts.get(status) ?? 0) + 1);
  return texts.list([...counts].map(([status, number]) => texts.count(`plan.status.${status}`, number)));
}

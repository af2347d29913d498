// The filters of a list: the address says them, inputs show and change them.

import { button, choose, el, fill } from "./dom.js";

const TYPED = 300; // milliseconds after the last letter

export class Filters {
  /** `go` leads to the address with other values; a phone shows filters if they are `used`. */
  constructor(page, names, go, used = false) {
    Object.assign(this, { _page: page, _names: names, _go: go });
    const { t } = page.texts;
    this.values = this._asked(page.query);
    this._input = el("input", { type: "search", name: "search", value: this.values.search ?? "", maxlength: 200 });
    this._input.addEventListener("input", (event) => this._typed(event));
    this._input.addEventListener("compositionend", (event) => this._typed(event));
    this._search = el("label", { class: "field search" }, el("span", {}, t("plan.search")), this._input);
    this._others = el("div", { class: "others" });
    this._inputs = el("div", { class: "filters" }, this._others, this._search);
    this.element = el(
      "details",
      { class: "filterbox", open: !page.narrow || used || this.any },
      el("summary", {}, t("filter")),
      this._inputs,
    );
  }

  close() {
    clearTimeout(this._typing);
  }

  /** Whether anything is filtered by. */
  get any() {
    return Object.keys(this.values).length > 0;
  }

  /** Make the button that shows everything again, where anything is filtered by. */
  clearing() {
    return this.any && button(this._page.texts.t("plan.show_all"), () => this._go({}));
  }

  /** Whether one of the inputs has the focus. */
  get has() {
    return this._inputs.contains(this._page.root.activeElement);
  }

  /** Take what the address says; say whether that is something else. */
  follow(query) {
    const values = this._asked(query);
    const changed = JSON.stringify(values) !== JSON.stringify(this.values);
    this.values = values;
    if (this._input.value.trim() !== (values.search ?? "")) {
      clearTimeout(this._typing);
      this._input.value = values.search ?? "";
    }
    return changed;
  }

  /** Make a select: `options` are pairs of value and text, beside the one that means all. */
  select(name, label, options) {
    const all = ["", this._page.texts.t("plan.all")];
    return choose(label, [all, ...options], this.values[name] ?? "", (value) => this._set({ [name]: value }), name);
  }

  /** Make an input for a day. */
  day(name, label) {
    const value = this.values[name]?.slice(0, 10) ?? "";
    const onchange = (event) => this._set({ [name]: event.target.value });
    return el("label", { class: "field" }, el("span", {}, label), el("input", { type: "date", name, value, onchange }));
  }

  /**
   * Show other inputs beside the search, or without it. The focus stays on the one of the
   * same name; the search stays where it is, as somebody may type there.
   */
  draw(inputs, searches = true) {
    const had = this.has && this._page.root.activeElement.name;
    fill(this._others, inputs);
    this._search.hidden = !searches;
    if (had) this._inputs.querySelector(`[name="${had}"]`)?.focus();
  }

  _asked(query) {
    return Object.fromEntries(this._names.map((name) => [name, query.get(name)]).filter(([, value]) => value));
  }

  /** Search soon, unless letters are still being put together, as in Japanese. */
  _typed(event) {
    clearTimeout(this._typing);
    if (!event.isComposing) this._typing = setTimeout(() => this._set({}), TYPED);
  }

  _set(values) {
    this._go({ ...this.values, search: this._input.value.trim(), ...values });
  }
}

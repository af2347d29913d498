// A long list of which only what is seen is there: rows of one height, fetched in pages.

import { add, el, fill } from "./dom.js";

const AHEAD = 6; // rows above and below what is seen
const KEPT = 20; // pages: however long a list is, a tab holds no more of it

/**
 * With `page` rows can be fetched from anywhere, so many at once: `fetch(offset)` answers
 * `{rows, total}`. Without it they follow one another: `fetch(cursor)` answers
 * `{rows, total, next}`, where `next` is the next cursor, or nothing at the end. `draw(row)`
 * gives the row's element, in which `[data-main]` is what the arrow keys move to. `name(row)` is
 * by what the row that has the focus is found again.
 */
export class VirtualList {
  constructor({ scroller, height, page, label, fetch, draw, name, empty, failed }) {
    this._settings = { scroller, height, page, fetch, draw, name, empty, failed };
    this._drawn = new Map();
    this._box = el("div", { role: "list", "aria-label": label, class: "rows" });
    this.element = el("div", { class: "virtual", tabindex: -1 }, this._box);
    this._box.addEventListener("keydown", (event) => this._pressed(event));
    this._box.addEventListener("focusin", (event) => {
      this._focused = Number(event.target.closest("[data-index]")?.dataset.index);
    });
    this._look = () => {
      this._frame ??= requestAnimationFrame(() => {
        this._frame = undefined;
        this._show();
      });
    };
    scroller.addEventListener("scroll", this._look, { passive: true });
    this._observer = new ResizeObserver(this._look);
    this._observer.observe(scroller);
    this.reload();
  }

  /** Let go of the scroller. */
  close() {
    this._settings.scroller.removeEventListener("scroll", this._look);
    this._observer.disconnect();
    this._turn = undefined;
  }

  /** Begin anew where one is; the old rows stay until the new ones are there. */
  reload() {
    this._turn = Symbol("turn");
    this._next = undefined;
    this._loading = false;
    this._fresh = true;
    const { page } = this._settings;
    const seen = this._rows && this.element.isConnected ? this._range()[0] : 0;
    return this._load(page ? seen - (seen % page) : undefined);
  }

  /** Draw the rows that are seen again: what they show has changed. */
  redraw() {
    const focused = this._focused;
    const had = this._has;
    for (const node of this._drawn.values()) node.remove();
    this._drawn.clear();
    this._show();
    if (had) this._focus(focused);
  }

  /** Give the focus to the row that had it last, or to the first one; say whether there is one. */
  focus() {
    if (!this._total || !this.element.isConnected) return false;
    this._focus(Math.min(this._focused >= 0 ? this._focused : 0, this._total - 1));
    return true;
  }

  get _has() {
    return this._box.contains(this._box.getRootNode().activeElement);
  }

  /** Put new rows in the place of the old ones; the focus stays with its row. */
  _replace(rows, at) {
    const { name } = this._settings;
    const held = this._rows?.[this._focused];
    const found = held ? rows.findIndex((row) => name(row) === name(held)) : -1;
    if (found >= 0) this._focused = at + found;
    this._rows = [];
    this._pages = new Set();
    this._fresh = false;
    for (const node of this._drawn.values()) node.remove();
    this._drawn.clear();
    fill(this.element, this._box);
  }

  async _load(from) {
    if (this._loading) return;
    this._loading = true;
    const turn = this._turn;
    let page;
    try {
      page = await this._settings.fetch(from);
    } catch (error) {
      if (turn === this._turn) this._fail(error);
      return;
    }
    if (turn !== this._turn) return;
    this._loading = false;
    const had = this._fresh && this._has;
    const at = this._settings.page ? from : this._fresh ? 0 : this._rows.length;
    if (this._fresh) this._replace(page.rows, at);
    page.rows.forEach((row, index) => (this._rows[at + index] = row));
    this._keep(at);
    this._next = page.next ?? undefined;
    if (this._settings.page)
      this._total =
        page.rows.length < this._settings.page
          ? Math.min(page.total, at + page.rows.length)
          : page.total;
    else if (this._next === undefined) this._total = this._rows.length;
    else this._total = Math.max(page.total ?? 0, this._rows.length);
    if (!this._total) fill(this.element, this._settings.empty());
    this._box.style.height = `${this._total * this._settings.height}px`;
    this._show();
    if (had && !this.focus()) this.element.focus({ preventScroll: true });
  }

  /** Keep a page, and let go of the one that is furthest from it where there are many. */
  _keep(at) {
    const { page } = this._settings;
    this._pages.add(at);
    if (!page || this._pages.size <= KEPT) return;
    const held = this._focused - (this._focused % page);
    const [far] = [...this._pages]
      .filter((each) => each !== held)
      .sort((one, other) => Math.abs(other - at) - Math.abs(one - at));
    for (let index = far; index < far + page; index++) delete this._rows[index];
    this._pages.delete(far);
  }

  _fail(error) {
    this._loading = false;
    fill(this.element, el("div", { class: "failed" }, this._settings.failed(error, () => this.reload())));
  }

  /** Say how far below the top of what is seen a row is. */
  _offset(index) {
    const { scroller, height } = this._settings;
    const top = this._box.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
    return top + index * height;
  }

  /** Say which rows are seen. */
  _range() {
    const { scroller, height } = this._settings;
    const top = scroller.getBoundingClientRect().top - this._box.getBoundingClientRect().top;
    const first = Math.floor(top / height) - AHEAD;
    const last = Math.ceil((top + scroller.clientHeight) / height) + AHEAD;
    return [Math.max(0, first), Math.min(this._total ?? 0, last)];
  }

  _show() {
    if (!this._rows || !this.element.isConnected) return;
    const [first, last] = this._range();
    const wanted = new Set();
    for (let index = first; index < last; index++) if (this._rows[index]) wanted.add(index);
    if (this._drawn.has(this._focused)) wanted.add(this._focused); // the keyboard keeps its place
    for (const [index, node] of this._drawn)
      if (!wanted.has(index)) {
        node.remove();
        this._drawn.delete(index);
      }
    for (const index of [...wanted].sort((one, other) => one - other)) this._put(index);
    this._want(first, last);
  }

  /** Fetch what is seen and was not fetched yet; one page at a time, those in sight first. */
  _want(first, last) {
    const { page } = this._settings;
    if (!page) {
      if (this._next !== undefined && last + AHEAD >= this._rows.length) this._load(this._next);
      return;
    }
    for (let index = first; index < last; index++)
      if (!this._rows[index]) {
        this._load(index - (index % page));
        return;
      }
  }

  _put(index) {
    if (this._drawn.has(index)) return;
    const { draw, height } = this._settings;
    const node = el("div", {
      role: "listitem",
      class: "row",
      "data-index": index,
      "aria-setsize": this._total,
      "aria-posinset": index + 1,
    });
    node.style.top = `${index * height}px`;
    node.style.height = `${height}px`;
    add(node, draw(this._rows[index]));
    const after = [...this._drawn.keys()].filter((each) => each > index);
    const next = after.length ? this._drawn.get(Math.min(...after)) : null;
    this._box.insertBefore(node, next); // the tab key goes from row to row
    this._drawn.set(index, node);
  }

  _pressed(event) {
    const last = (this._settings.page ? this._total : this._rows.length) - 1;
    const page = Math.max(1, Math.floor(this._settings.scroller.clientHeight / this._settings.height) - 1);
    const to = {
      ArrowDown: this._focused + 1,
      ArrowUp: this._focused - 1,
      PageDown: this._focused + page,
      PageUp: this._focused - page,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined || event.target.matches("input[type=search], select")) return;
    event.preventDefault();
    this._focus(Math.max(0, Math.min(last, to)));
  }

  /** Bring a row into sight and put the focus on it. */
  async _focus(index) {
    if (!(index >= 0 && index < this._total)) return;
    if (!this._rows[index]) {
      this._settings.scroller.scrollTop += this._offset(index);
      const { page } = this._settings;
      if (page) await this._load(index - (index % page));
      if (!this._rows[index]) return;
    }
    this._put(index);
    const node = this._drawn.get(index);
    node.scrollIntoView({ block: "nearest" });
    (node.querySelector("[data-main]") ?? node).focus({ preventScroll: true });
    this._show();
  }
}

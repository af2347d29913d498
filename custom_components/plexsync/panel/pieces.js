// Pieces that several views draw.

import { el, icon } from "./dom.js";

const REST = 150; // milliseconds for which a row is there before its picture is asked for

/** A picture, or a sign in its place where there is none. */
export function picture(server, path, { alt = "", large = false } = {}) {
  const frame = el("div", { class: large ? "poster frame" : "poster" }, icon("film"));
  if (!path) return frame;
  const image = el("img", { alt, loading: "lazy", decoding: "async" });
  image.addEventListener("load", () => frame.replaceChildren(image), { once: true });
  const ask = () =>
    frame.isConnected &&
    server
      .signed(path)
      .then((address) => {
        image.loading = "eager"; // rows that are not seen are not drawn at all
        image.src = address;
      })
      .catch(() => {});
  setTimeout(ask, REST); // whoever scrolls by a thousand rows asks Plex for nothing
  return frame;
}

/** What stands where there is nothing to show. */
export function nothing(title, text, ...more) {
  return el("div", { class: "empty" }, el("h2", {}, title), el("p", { class: "quiet" }, text), el("div", { class: "actions" }, more));
}

/** The row that is open, beside the list; on a phone it takes the list's place. */
export class Opened {
  constructor(page, list, detail, two) {
    Object.assign(this, { _page: page, _list: list, _detail: detail, _two: two, _at: 0 });
  }

  get is() {
    return this._two.classList.contains("open");
  }

  open(element) {
    if (!this.is) this._at = this._page.scroller.scrollTop;
    this._two.classList.add("open");
    this._detail.replaceChildren(element);
    this.focus();
    if (getComputedStyle(this._list()).display === "none") this._page.scroller.scrollTop = 0;
  }

  /** Take the focus; say whether there is something to take it. */
  focus() {
    if (this.is) this._detail.focus({ preventScroll: true });
    return this.is;
  }

  close() {
    if (!this.is) return;
    this._two.classList.remove("open");
    this._detail.replaceChildren();
    this._page.scroller.scrollTop = this._at;
  }
}

/** A line of a definition list; without a value none. */
export function fact(name, value) {
  if (value === null || value === undefined || value === "") return null;
  return [el("dt", {}, name), el("dd", { class: "break" }, value)];
}

/** The fields that stay as they are, each with its reason; of `others` one text says why. */
export function staying({ t, field, list, reason }, kept, others, why) {
  const reasons = Object.entries(kept);
  if (!reasons.length && !others.length) return null;
  return el(
    "section",
    { class: "change" },
    el("h3", {}, t("plan.kept")),
    el(
      "dl",
      { class: "facts" },
      reasons.map(([name, because]) => fact(field(name), reason(because))),
      others.length > 0 && fact(list(others.map(field)), why),
    ),
  );
}

/** How far something is, in percent. */
export function progress(label, value) {
  return el("progress", { max: 100, value: value ?? undefined, "aria-label": label });
}

/** Names as chips. */
export function chips(names, kind = "") {
  return el("span", { class: "chips" }, names.map((name) => el("span", { class: `chip ${kind}` }, name)));
}

/** A link to a page of Home Assistant's. */
export function link(page, text, path) {
  return el(
    "a",
    {
      class: "button",
      href: path,
      onclick: (event) => {
        event.preventDefault();
        page.leave(path);
      },
    },
    text,
  );
}

/** Name a file without its folders. */
export function fileName(path) {
  return path.split(/[\\/]/).at(-1);
}

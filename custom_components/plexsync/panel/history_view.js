// What was written, when and by whom; and how to take it back.

import { drawChange } from "./change.js";
import { add, button, choose, confirm, el, fill, say, show } from "./dom.js";
import { chips, fileName, filterBox, nothing, Opened, picture, progress } from "./pieces.js";
import { Rarely } from "./rarely.js";
import { VirtualList } from "./virtual_list.js";

const PAGE = 50;
const HEIGHT = 77;
const TYPED = 300; // milliseconds after the last letter
const FILTERS = ["source", "field", "search", "since", "until", "rating_key"];

export class HistoryView {
  constructor(page) {
    this._page = page;
    const { t } = page.texts;
    this._title = el("h2", {}, t("history.tab"));
    this._kept = el("p", { class: "quiet" });
    this._undo = el("p", { role: "status" });
    this._bar = progress(t("history.undo"), 0);
    this._news = new Rarely(() => this._reload());
    this._filter = this._asked(page.query);
    this._byRun = page.query.get("by") === "run";
    this._listing = el("section", { class: "card list listing" });
    this._detail = el("div", { class: "detail", tabindex: -1 });
    this._two = el("div", { class: "two" }, this._listing, this._detail);
    this._opened = new Opened(page, () => this._listing, this._detail, this._two);
    this._filters = el("div", { class: "filters" });
    this.element = el(
      "div",
      { class: "view" },
      el(
        "section",
        { class: "card" },
        el(
          "div",
          { class: "head" },
          el("div", {}, this._title, this._kept),
          el("div", { class: "actions" }, button(t("history.since"), (event) => this._undoSince(event))),
        ),
        this._undo,
        this._bar,
        filterBox(page, this._filters, this._byRun || Object.keys(this._filter).length > 0),
      ),
      this._two,
    );
    this._drawFilters();
    this._makeList();
    this.update(page.live);
  }

  close() {
    this._news.close();
    this._list.close();
    clearTimeout(this._typing);
  }

  visit(query) {
    const filter = this._asked(query);
    const byRun = query.get("by") === "run";
    if (byRun !== this._byRun || JSON.stringify(filter) !== JSON.stringify(this._filter)) {
      this._filter = filter;
      const changed = byRun !== this._byRun;
      this._byRun = byRun;
      this._drawFilters();
      if (changed) this._makeList();
      else this._list.reload();
    }
    if (!query.get("row")) this._show(null);
  }

  update(live) {
    const { t, percent } = this._page.texts;
    const { undo } = live;
    this._bar.hidden = this._undo.hidden = !undo;
    if (undo) this._bar.value = undo.progress;
    say(this._undo, undo ? t("history.undoing", { percent: percent(undo.progress) }) : "");
    if (this._written !== undefined && (live.written !== this._written || (this._undone && !undo)))
      this._news.ask();
    this._written = live.written;
    this._undone = Boolean(undo);
  }

  /** Show what was written meanwhile, unless somebody reads further down. */
  async _reload() {
    if (this._page.scroller.scrollTop < HEIGHT && !this._opened.is) await this._list.reload();
  }

  /** Take the focus: what is open, or the row that had it. */
  focus() {
    return this._opened.focus() || this._list.focus();
  }

  _asked(query) {
    return Object.fromEntries(
      FILTERS.map((name) => [name, query.get(name)]).filter(([, value]) => value),
    );
  }

  _go(filter, byRun = this._byRun) {
    this._page.go("history", { ...filter, by: byRun && "run" }, { replace: true });
  }

  _drawFilters() {
    const { t, field, source } = this._page.texts;
    const set = (name) => (value) => this._go({ ...this._filter, [name]: value });
    if (this._search === undefined) {
      const input = el("input", { type: "search", value: this._filter.search ?? "", maxlength: 200 });
      input.addEventListener("input", () => {
        clearTimeout(this._typing);
        this._typing = setTimeout(() => set("search")(input.value.trim()), TYPED);
      });
      this._search = el("label", { class: "field search" }, el("span", {}, t("plan.search")), input);
    }
    const all = ["", t("plan.all")];
    const day = (name) =>
      el(
        "label",
        { class: "field" },
        el("span", {}, t(`history.${name}_day`)),
        el("input", {
          type: "date",
          value: this._filter[name]?.slice(0, 10) ?? "",
          onchange: (event) => set(name)(event.target.value),
        }),
      );
    const focused = this._page.root.activeElement;
    if (this._filters.contains(focused) && this._drawnBy === this._byRun) return;
    this._drawnBy = this._byRun;
    const had = this._filters.contains(focused);
    fill(
      this._filters,
      choose(
        t("history.by"),
        [
          ["", t("history.by_item")],
          ["run", t("history.by_run")],
        ],
        this._byRun ? "run" : "",
        (value) => this._go({}, value === "run"),
        "by",
      ),
      !this._byRun && [
        choose(
          t("plan.by_source"),
          [all, ...this._page.overview.sources.map((each) => [each.id, source(each)])],
          this._filter.source ?? "",
          set("source"),
        ),
        choose(
          t("plan.by_field"),
          [all, ...FIELDS.map((name) => [name, field(name)])],
          this._filter.field ?? "",
          set("field"),
        ),
        day("since"),
        day("until"),
        this._search,
      ],
    );
    if (had) this._filters.querySelector("[name=by]").focus();
  }

  // The list

  _makeList() {
    const { t, error } = this._page.texts;
    this._list?.close();
    this._list = new VirtualList({
      scroller: this._page.scroller,
      height: HEIGHT,
      label: t("history.tab"),
      fetch: (before) => (this._byRun ? this._runs(before) : this._rows(before)),
      name: (row) => row.id ?? row.run,
      draw: (row) => (this._byRun ? this._run(row) : this._row(row)),
      empty: () =>
        Object.keys(this._filter).length
          ? nothing(t("plan.none_fit"), t("plan.none_fit_text"), button(t("plan.show_all"), () => this._go({})))
          : nothing(t("history.nothing"), t("history.nothing_text")),
      failed: (problem, again) => nothing(error(problem), "", button(t("again"), again)),
    });
    fill(this._listing, this._list.element);
  }

  async _rows(before) {
    const { t, number, time } = this._page.texts;
    const asked = { ...this._filter };
    if (asked.since) asked.since = new Date(`${asked.since}T00:00:00`).toISOString();
    if (asked.until) asked.until = new Date(`${asked.until}T23:59:59.999`).toISOString();
    const answer = await this._page.server.ask("history", {
      ...asked,
      limit: PAGE,
      ...(before ? { before } : {}),
    });
    say(
      this._kept,
      answer.oldest
        ? t("history.kept", { days: number(answer.kept_days), oldest: time(answer.oldest) })
        : t("history.kept_days", { days: number(answer.kept_days) }),
    );
    return answer;
  }

  async _runs(before) {
    const answer = await this._page.server.ask("history/runs", {
      limit: PAGE,
      ...(before ? { before } : {}),
    });
    return { ...answer, rows: answer.runs };
  }

  _row(row) {
    const { t, field, time } = this._page.texts;
    return el(
      "div",
      { class: "line bare" },
      picture(this._page.server, row.rating_key && this._page.server.picture(row.rating_key, "poster")),
      el(
        "button",
        { type: "button", class: "main", "data-main": true, onclick: () => this._open(row) },
        el("strong", {}, nameOf(row)),
        el(
          "span",
          { class: "quiet" },
          [time(row.at), this._source(row.source), this._page.library(row.library)]
            .filter(Boolean)
            .join(" · "),
        ),
        chips(row.changes.map((each) => field(each.field))),
      ),
      row.undone && el("span", { class: "end" }, t("history.undone")),
    );
  }

  _run(run) {
    const { t, count, time, list, range } = this._page.texts;
    const name = `${this._source(run.source)}, ${time(run.from)}`;
    return el(
      "div",
      { class: "line bare" },
      el(
        "button",
        {
          type: "button",
          class: "main",
          "data-main": true,
          onclick: () =>
            this._go({ source: run.source, since: day(run.from), until: day(run.until) }, false),
        },
        el("strong", {}, this._source(run.source)),
        el("span", { class: "quiet" }, range(run.from, run.until)),
        el("span", {}, list([count("history.items", run.items), count("history.fields", run.fields)])),
      ),
      run.source !== "undo" && button(t("history.undo"), (event) => this._undoRun(event, run), {
        "aria-label": t("history.undo_this", { name }),
      }),
    );
  }

  // One row

  _open(row) {
    this._page.go("history", { ...this._filter, row: String(row.id) });
    this._show(row);
  }

  _show(row) {
    if (row) this._opened.open(this._item(row));
    else if (this._opened.is) {
      this._opened.close();
      this._list.focus();
    }
  }

  _item(row) {
    const { t, time } = this._page.texts;
    const back = () => this._page.go("history", this._filter);
    return el(
      "section",
      { class: "card" },
      el(
        "div",
        { class: "head" },
        el("h2", { class: "break" }, nameOf(row)),
        button(t("back"), back, { class: "button back" }),
        button(t("close"), back, { class: "button close" }),
      ),
      el("p", { class: "quiet" }, `${time(row.at)} · ${this._source(row.source)}`),
      row.undone && el("p", {}, t("history.undone_text")),
      row.changes.map((change) =>
        drawChange(this._page, change, {
          actions:
            this._mayUndo(row, change) &&
            button(t("history.undo"), (event) => this._undoItem(event, row, [change.field]), {
              "aria-label": t("history.undo_this", { name: this._page.texts.field(change.field) }),
            }),
        }),
      ),
      this._mayUndo(row, row) && [
        el("p", { class: "quiet" }, t("history.undo_text")),
        el(
          "div",
          { class: "actions" },
          button(t("history.undo_item"), (event) => this._undoItem(event, row), { class: "button primary" }),
        ),
      ],
    );
  }

  _source(id) {
    return id === "undo" ? this._page.texts.t("history.undo_source") : this._page.source(id);
  }

  // Undo

  /** Say whether something can be taken back: an undo cannot, nor what was. */
  _mayUndo(row, what) {
    return row.rating_key && row.source !== "undo" && !what.undone;
  }

  async _undoItem(event, row, fields) {
    const { t, list, field, reason } = this._page.texts;
    await this._page.act(event, async () => {
      const done = await this._page.server.ask("undo", {
        rating_key: row.rating_key,
        ...(fields ? { fields } : {}),
      });
      const restored = (done.restored ?? []).map(field);
      const kept = Object.entries(done.kept ?? {}).map(([name, why]) => `${field(name)}: ${reason(why)}`);
      this._page.toast(
        restored.length ? t("history.restored", { fields: list(restored) }) : kept.join(", ") || t("history.none"),
      );
      await this._list.reload();
      this._page.go("history", this._filter);
    });
  }

  async _undoRun(event, run) {
    const { t, count } = this._page.texts;
    const sure = await confirm(this._page, {
      title: t("history.undo_run"),
      text: count("history.undo_run_text", run.items),
      yes: t("history.undo"),
      no: t("cancel"),
    });
    if (sure) await this._begin(event, "undo/run", { run: run.run });
  }

  async _undoSince(event) {
    const { t } = this._page.texts;
    const input = el("input", { type: "datetime-local", required: true });
    const dialog = el(
      "dialog",
      { "aria-labelledby": "since" },
      el("h2", { id: "since" }, t("history.since")),
      el("p", {}, t("history.since_text")),
      el("label", { class: "field" }, el("span", {}, t("history.moment")), input),
    );
    add(
      dialog,
      el(
        "div",
        { class: "actions" },
        button(t("cancel"), () => dialog.close()),
        button(
          t("history.undo"),
          async () => {
            if (!input.reportValidity()) return;
            dialog.close();
            await this._begin(event, "undo/since", { since: new Date(input.value).toISOString() });
          },
          { class: "button primary" },
        ),
      ),
    );
    show(this._page, dialog);
  }

  async _begin(event, name, data) {
    const { t, count } = this._page.texts;
    await this._page.act(event, async () => {
      const done = await this._page.server.ask(name, data);
      this._page.toast(done.status === "finished" ? count("history.undid", done.fields) : t("history.begun"));
      await this._list.reload();
    });
  }
}

/** Name what was written: by its title, or where Plex has none of it any more by its file. */
function nameOf(row) {
  return row.title || (row.path ? fileName(row.path) : row.key);
}

/** Give the day of a moment as a date input wants it. */
function day(iso) {
  const date = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

const FIELDS = [
  "title", "sort_title", "original_title", "summary", "tagline", "studio", "content_rating", "date", "user_rating",
  "genres", "labels", "collections", "directors", "writers", "actors", "poster", "background",
];

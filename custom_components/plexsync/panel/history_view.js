// What was written, when and by whom; and how to take it back.

import { drawChange } from "./change.js";
import { add, button, choose, confirm, el, fill, say, show } from "./dom.js";
import { Filters } from "./filters.js";
import { chips, fileName, nothing, Opened, picture, progress } from "./pieces.js";
import { Rarely } from "./rarely.js";
import { openUndo } from "./undo_dialog.js";
import { VirtualList } from "./virtual_list.js";

const PAGE = 50;
const HEIGHT = 77;
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
    this._byRun = page.query.get("by") === "run";
    this._read = new Map(); // the rows that were read, by their numbers
    this._shown = null; // the number of the one that is open
    this._filters = new Filters(page, FILTERS, (values) => this._go(values), this._byRun);
    this._listing = el("section", { class: "card list listing" });
    this._detail = el("div", { class: "detail", tabindex: -1 });
    this._two = el("div", { class: "two" }, this._listing, this._detail);
    this._opened = new Opened(page, () => this._listing, this._detail, this._two);
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
          el("div", { class: "actions" }, button(t("history.since"), (pressed) => this._undoSince(pressed))),
        ),
        this._undo,
        this._bar,
        this._filters.element,
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
    this._filters.close();
  }

  visit(query) {
    const byRun = query.get("by") === "run";
    const changed = byRun !== this._byRun;
    if (this._filters.follow(query) || changed) {
      this._byRun = byRun;
      this._drawFilters();
      if (changed) this._makeList();
      else this._list.reload();
    }
    this._follow(query.get("row"));
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

  _go(filter, byRun = this._byRun) {
    this._page.go("history", { ...filter, by: byRun && "run" }, { replace: true });
  }

  _drawFilters() {
    const { t, field } = this._page.texts;
    const filters = this._filters;
    if (filters.has && this._drawnBy === this._byRun) return; // somebody types
    this._drawnBy = this._byRun;
    const by = choose(
      t("history.by"),
      [
        ["", t("history.by_item")],
        ["run", t("history.by_run")],
      ],
      this._byRun ? "run" : "",
      (value) => this._go({}, value === "run"),
      "by",
    );
    const others = !this._byRun && [
      filters.select("source", t("plan.by_source"), this._sources()),
      filters.select("field", t("plan.by_field"), FIELDS.map((name) => [name, field(name)])),
      filters.day("since", t("history.since_day")),
      filters.day("until", t("history.until_day")),
    ];
    filters.draw([by, others], !this._byRun);
  }

  /** Name the sources that can be chosen, and the one that is: it may have been removed. */
  _sources() {
    const ids = this._page.overview.sources.map((each) => each.id);
    const chosen = this._filters.values.source;
    if (chosen && !ids.includes(chosen)) ids.push(chosen);
    return ids.map((id) => [id, this._source(id)]);
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
        this._filters.any
          ? nothing(t("plan.none_fit"), t("plan.none_fit_text"), this._filters.clearing())
          : nothing(t("history.nothing"), t("history.nothing_text")),
      failed: (problem, again) => nothing(error(problem), "", button(t("again"), again), this._filters.clearing()),
    });
    fill(this._listing, this._list.element);
  }

  async _rows(before) {
    const { t, number, time, moment } = this._page.texts;
    const asked = { ...this._filters.values };
    if (asked.since) asked.since = moment(`${asked.since}T00:00:00`);
    if (asked.until) asked.until = moment(`${asked.until}T23:59:59.999`);
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
    for (const row of answer.rows) this._read.set(String(row.id), row);
    this._follow(this._page.query.get("row"));
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
    const { field, time } = this._page.texts;
    const undone = this._undoneOf(row.changes.filter((each) => each.undone).length, row.changes.length);
    return el(
      "div",
      { class: "line bare" },
      picture(this._page.server, row.rating_key && this._page.server.picture(row.rating_key, "poster")),
      el(
        "button",
        { type: "button", class: "main", "data-main": true, onclick: () => this._open(row) },
        el("strong", { dir: "auto" }, nameOf(row)),
        el(
          "span",
          { class: "quiet" },
          [time(row.at), this._source(row.source), this._page.library(row.library)]
            .filter(Boolean)
            .join(" · "),
        ),
        chips(row.changes.map((each) => field(each.field))),
      ),
      undone && el("span", { class: "end" }, undone),
    );
  }

  _run(run) {
    const { t, count, time, list, range, day } = this._page.texts;
    const name = `${this._source(run.source)}, ${time(run.from)}`;
    const wrote = list([count("history.items", run.items), count("history.fields", run.fields)]);
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
        el("span", {}, [this._undoneOf(run.undone, run.fields), wrote].filter(Boolean).join(" · ")),
      ),
      run.source !== "undo" &&
        run.undone < run.fields &&
        button(t("history.undo"), (pressed) => this._undoRun(pressed, run), {
          "aria-label": t("history.undo_this", { name }),
        }),
    );
  }

  /** Say how much of something was undone. */
  _undoneOf(done, all) {
    const { t, number } = this._page.texts;
    if (!done) return "";
    return done < all ? t("history.undone_part", { done: number(done), all: number(all) }) : t("history.undone");
  }

  // One row

  _open(row) {
    this._page.go("history", { ...this._filters.values, row: String(row.id) });
  }

  /** Show the row that the address names, once it was read. */
  _follow(id) {
    if (id === this._shown || !this.element.isConnected) return;
    const row = this._read.get(id);
    if (row) {
      this._shown = id;
      this._opened.open(this._item(row));
    } else if (!id) {
      this._shown = id;
      this._opened.close();
      this._list.focus();
    }
  }

  _item(row) {
    const { t, time } = this._page.texts;
    const back = () => this._page.go("history", this._filters.values);
    return el(
      "section",
      { class: "card" },
      el(
        "div",
        { class: "head" },
        el("h2", { class: "break", dir: "auto" }, nameOf(row)),
        button(t("back"), back, { class: "button back" }),
        button(t("close"), back, { class: "button close" }),
      ),
      el("p", { class: "quiet" }, `${time(row.at)} · ${this._source(row.source)}`),
      row.undone && el("p", {}, t("history.undone_text")),
      row.changes.map((change) =>
        drawChange(this._page, change, {
          actions:
            this._mayUndo(row, change) &&
            button(t("history.undo"), () => this._undoItem(row, [change.field]), {
              "aria-label": t("history.undo_this", { name: this._page.texts.field(change.field) }),
            }),
        }),
      ),
      this._mayUndo(row, row) && [
        el("p", { class: "quiet" }, t("history.undo_text")),
        el(
          "div",
          { class: "actions" },
          button(t("history.undo_item"), () => this._undoItem(row), { class: "button primary" }),
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

  _undoItem(row, fields) {
    const { t, list, field, reason } = this._page.texts;
    const name = fields ? list(fields.map(field)) : nameOf(row);
    openUndo(this._page, { name, ratingKey: row.rating_key, fields }, async (done) => {
      const restored = done.restored.map(field);
      const kept = Object.entries(done.kept).map(([each, why]) => `${field(each)}: ${reason(why)}`);
      this._page.toast(
        restored.length ? t("history.restored", { fields: list(restored) }) : kept.join(", ") || t("history.none"),
      );
      await this._list.reload();
      this._page.go("history", this._filters.values);
    });
  }

  async _undoRun(pressed, run) {
    const { t, count } = this._page.texts;
    const sure = await confirm(this._page, {
      title: t("history.undo_run"),
      text: count("history.undo_run_text", run.fields - run.undone),
      yes: t("history.undo"),
      no: t("cancel"),
    });
    if (sure) await this._begin(pressed, "undo/run", { run: run.run });
  }

  async _undoSince(pressed) {
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
            await this._begin(pressed, "undo/since", { since: this._page.texts.moment(input.value) });
          },
          { class: "button primary" },
        ),
      ),
    );
    show(this._page, dialog);
  }

  async _begin(pressed, name, data) {
    const { t, count } = this._page.texts;
    await this._page.act(pressed, async () => {
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

const FIELDS = [
  "title", "sort_title", "original_title", "summary", "tagline", "studio", "content_rating", "date", "user_rating",
  "genres", "labels", "collections", "directors", "writers", "actors", "poster", "background",
];

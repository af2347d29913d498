// What would be written: rows, filters, and what to do with a selection or with all.

import { add, button, confirm, el, fill, rest, say } from "./dom.js";
import { Filters } from "./filters.js";
import { LeftAlone } from "./left_alone.js";
import { chips, nothing, Opened, picture, progress } from "./pieces.js";
import { PlanItem, written } from "./plan_item.js";
import { Rarely } from "./rarely.js";
import { VirtualList } from "./virtual_list.js";

const PAGE = 100;
const HEIGHT = 77;
const FILTERS = ["source", "library", "field", "search"];

/** Name a row. */
const nameOf = (row) => JSON.stringify([row.source, row.key]);

export class PlanView {
  constructor(page) {
    this._page = page;
    this._chosen = new Map();
    this._reload = new Rarely(() => this._list.reload());
    this._head = el("section", { class: "card" });
    this._tools = el("div", { class: "actions" });
    this._left = el("div");
    this._listing = el("section", { class: "card list listing" });
    this._detail = el("div", { class: "detail", tabindex: -1 });
    this._two = el("div", { class: "two" }, this._listing, this._detail);
    this._opened = new Opened(page, () => this._listing, this._detail, this._two);
    this._filters = new Filters(page, FILTERS, (values) => page.go("plan", values, { replace: true }));
    this._makeHead();
    this.element = el("div", { class: "view" }, this._head, this._left, this._two);
    this._makeList();
    this.update(page.live);
  }

  close() {
    this._reload.close();
    this._list.close();
    this._filters.close();
  }

  visit(query) {
    if (this._filters.follow(query)) {
      this._chosen.clear();
      this._list.reload();
    }
    this._show(query.get("item_source"), query.get("item"));
  }

  update(live) {
    const plan = live.plan ?? {};
    const key = JSON.stringify([plan.running, plan.computed_by_source, plan.differs]);
    if (key !== this._planKey && this._planKey !== undefined && !plan.running) this._reload.ask();
    this._planKey = key;
    this._item?.update(live);
    this._drawHead(plan);
  }

  /** Take the focus: what is open, or the row that had it. */
  focus() {
    return this._opened.focus() || this._list.focus();
  }

  // The head

  _makeHead() {
    const { t } = this._page.texts;
    this._title = el("h2");
    this._when = el("p", { class: "quiet" });
    this._bar = progress(t("plan.computing"), 0);
    this._compute = button(t("plan.compute"), (pressed) =>
      this._page.act(pressed, () =>
        this._page.server.ask(
          "plan/compute",
          this._filters.values.source ? { source: this._filters.values.source } : {},
        ),
      ),
    );
    this._openLeft = button(t("left.open"), () => this._drawLeft());
    add(
      this._head,
      el(
        "div",
        { class: "head" },
        el("div", { role: "status" }, this._title, this._when),
        el("div", { class: "actions" }, this._openLeft, this._compute),
      ),
      this._bar,
      this._filters.element,
      this._tools,
    );
  }

  /** Show how old the plan is, and what keeps all of it from being written. */
  _drawHead(plan) {
    const held = this._page.live?.holds?.find((each) => !each.source);
    const { t, count, percent } = this._page.texts;
    const differs = plan.differs ?? this._total;
    const known = this._known(plan);
    say(
      this._title,
      known ? count("plan.differs", differs ?? 0) : t(plan.running ? "plan.computing" : "plan.never"),
    );
    const share = plan.progress;
    say(
      this._when,
      plan.running
        ? t("plan.running", { percent: percent(share ?? 0) })
        : known
          ? [
              known,
              held && t("waits", { why: t(`hold.${held.hold}.title`) }),
            ].filter(Boolean).join(" · ")
          : this._whyNever(),
    );
    this._bar.hidden = !plan.running;
    if (share !== undefined && share !== null) this._bar.value = share;
    rest(this._compute, plan.running);
  }

  /** Say when what is shown was compared last, and what was not; nothing where all was not. */
  _known({ computed_by_source: moments = {} }) {
    const { t, ago, list } = this._page.texts;
    const { source } = this._filters.values;
    const meant = source in moments ? [source] : Object.keys(moments);
    const done = meant.map((each) => moments[each]).filter(Boolean).sort();
    const lacking = meant.filter((each) => !moments[each]);
    if (!done.length) return "";
    return [
      t("plan.computed", { ago: ago(done[0]) }),
      lacking.length && t("plan.not_yet", { sources: list(lacking.map(this._page.source)) }),
    ].filter(Boolean).join(" · ");
  }

  _whyNever() {
    const { t } = this._page.texts;
    const { sources } = this._page.overview;
    return t(sources.some((each) => each.id !== "action") ? "plan.never_text" : "health.no_sources");
  }

  // Filters and tools

  _drawFilters(answer) {
    const { t, number, field } = this._page.texts;
    const kinds = [
      ["source", answer.by_source, this._page.source],
      ["library", answer.by_library, this._page.library],
      ["field", answer.by_field, field],
    ];
    const key = JSON.stringify([kinds.map(([, counts]) => counts), this._filters.values]);
    if (key === this._filtersKey) return;
    this._filtersKey = key;
    this._filters.draw(
      kinds.map(([name, counts, words]) => {
        const chosen = this._filters.values[name];
        const names = Object.keys(counts ?? {});
        if (chosen && !names.includes(chosen)) names.push(chosen);
        if (names.length < 2 && !chosen) return null;
        const options = names.map((each) => [each, `${words(each)} (${number(counts?.[each] ?? 0)})`]);
        return this._filters.select(name, t(`plan.by_${name}`), options);
      }),
    );
  }

  _drawTools() {
    const { t, count } = this._page.texts;
    const chosen = this._chosen.size;
    const key = JSON.stringify([chosen, this._total > 0, this._total > PAGE, this._filters.any]);
    if (key === this._toolsKey) return;
    this._toolsKey = key;
    const focused = this._page.root.activeElement?.dataset?.tool;
    fill(
      this._tools,
      this._total > 0 && [
        button(
          chosen ? count("plan.write_chosen", chosen) : t("plan.write_chosen_none"),
          (pressed) => this._writeChosen(pressed),
          { rests: !chosen, "data-tool": "chosen", class: chosen ? "button primary" : "button" },
        ),
        chosen > 0 &&
          button(t("plan.choose_none"), () => this._choose([]), { "data-tool": "none", class: "button plain" }),
        chosen === 0 &&
          button(t(this._total > PAGE ? "plan.choose_first" : "plan.choose_all"), (pressed) => this._chooseFirst(pressed), {
            "data-tool": "shown",
            class: "button plain",
          }),
        button(t(this._filters.any ? "plan.write_fitting" : "plan.write_all"), (pressed) => this._writeAll(pressed), { "data-tool": "all" }),
      ],
    );
    if (focused) (this._tools.querySelector(`[data-tool="${focused}"]`) ?? this._tools.querySelector("button") ?? this._compute).focus();
  }

  _chooseFirst(pressed) {
    return this._page.act(pressed, async () =>
      this._choose((await this._page.server.ask("plan", { ...this._filters.values, limit: PAGE })).rows),
    );
  }

  _choose(rows) {
    this._chosen = new Map(rows.map((row) => [nameOf(row), row]));
    this._list.redraw();
    this._drawTools();
  }

  // The list

  _makeList() {
    const { t, error } = this._page.texts;
    this._list = new VirtualList({
      scroller: this._page.scroller,
      height: HEIGHT,
      page: PAGE,
      label: t("plan.tab"),
      fetch: (offset) => this._fetch(offset),
      draw: (row) => this._row(row),
      name: nameOf,
      empty: () =>
        this._filters.any
          ? nothing(t("plan.none_fit"), t("plan.none_fit_text"), this._filters.clearing())
          : this._known(this._page.live.plan ?? {})
            ? nothing(t("plan.nothing"), t("plan.nothing_text"))
            : nothing(t("plan.never"), this._whyNever()),
      failed: (problem, again) => nothing(error(problem), "", button(t("again"), again), this._filters.clearing()),
    });
    fill(this._listing, this._list.element);
  }

  async _fetch(offset) {
    const answer = await this._page.server.ask("plan", { ...this._filters.values, limit: PAGE, offset });
    this._total = answer.total;
    this._drawFilters(answer);
    this._drawTools();
    this._drawHead(this._page.live.plan ?? answer);
    return answer;
  }

  _row(row) {
    const { t, field, count } = this._page.texts;
    const name = nameOf(row);
    const title = row.title || row.key;
    const box = el("input", {
      type: "checkbox",
      checked: this._chosen.has(name),
      "aria-label": t("plan.choose", { title }),
      onchange: () => {
        if (box.checked) this._chosen.set(name, row);
        else this._chosen.delete(name);
        this._drawTools();
      },
    });
    const open = () =>
      this._page.go("plan", { ...this._filters.values, item_source: row.source, item: row.key });
    return el(
      "div",
      { class: `line${name === this._shown ? " chosen" : ""}` },
      el("label", { class: "check" }, box),
      picture(
        this._page.server,
        row.rating_key && this._page.server.picture(row.rating_key, "poster"),
      ),
      el(
        "button",
        { type: "button", class: "main", "data-main": true, onclick: open },
        el("strong", { dir: "auto" }, title),
        el(
          "span",
          { class: "quiet" },
          [
            count("plan.changes", row.fields.length),
            this._page.library(row.library),
            this._page.source(row.source),
          ]
            .filter(Boolean)
            .join(" · "),
        ),
        chips(row.fields.map(field)),
      ),
    );
  }

  // One item

  _show(source, key) {
    const name = key ? JSON.stringify([source, key]) : undefined;
    if (name === this._shown) return;
    this._shown = name;
    this._item = undefined;
    if (!name) {
      this._opened.close();
      this._list.redraw();
      this._list.focus();
      return;
    }
    this._item = new PlanItem(this._page, source, key, {
      back: () => this._shut(),
      written: () => this._list.reload(),
    });
    this._opened.open(this._item.element);
    this._list.redraw();
  }

  /** Close what is open: it may have been written with others. */
  _shut() {
    if (this._item) this._page.go("plan", this._filters.values);
  }

  // What is left alone

  _drawLeft() {
    const close = () => {
      fill(this._left);
      this._openLeft.focus();
    };
    fill(this._left, new LeftAlone(this._page, close).element);
    this._left.querySelector("h2").focus();
  }

  // Writing

  async _writeChosen(pressed) {
    const rows = [...this._chosen.values()];
    const sure = await this._sure(rows.length);
    if (!sure) return;
    await this._page.act(pressed, async () => {
      const done = [];
      for (let start = 0; start < rows.length; start += PAGE) {
        const items = rows
          .slice(start, start + PAGE)
          .map(({ source, key, digest }) => ({ source, key, digest }));
        done.push(...(await this._page.server.ask("plan/write", { items })).items);
      }
      this._chosen.clear();
      this._tell(done);
      this._shut();
      await this._list.reload();
    });
  }

  async _writeAll(pressed) {
    const filter = { ...this._filters.values };
    const counted = await this._page.act(pressed, () =>
      this._page.server.ask("plan", { ...filter, limit: 1 }),
    );
    if (!counted || !(await this._sure(counted.total))) return;
    await this._page.act(pressed, async () => {
      const { texts } = this._page;
      const done = Object.entries(await this._page.server.ask("plan/write_all", filter));
      const told = done.filter(([, number]) => number);
      const words = told.map(([status, number]) => texts.count(`plan.status.${status}`, number));
      this._page.toast(texts.list(words) || texts.count("plan.status.queued", 0));
      this._shut();
      await this._list.reload();
    });
  }

  _sure(number) {
    const { t, count } = this._page.texts;
    return confirm(this._page, {
      title: count("plan.sure", number),
      text: t("plan.sure_text"),
      yes: t("plan.write"),
      no: t("cancel"),
    });
  }

  _tell(done) {
    this._page.toast(written(this._page.texts, done));
  }
}

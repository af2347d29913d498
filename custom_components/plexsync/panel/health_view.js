// How the server is: the circuit, outages, the queue, the sources, the comparison.

import { add, button, el, fill, say } from "./dom.js";
import { chips, fact, progress } from "./pieces.js";
import { timeLine } from "./time_line.js";

const SECOND = 1000; // milliseconds
const MINUTE = 60 * SECOND;

export class HealthView {
  constructor(page) {
    this._page = page;
    this._written = [];
    this._keys = new Map();
    this._plex = el("section", { class: "card" });
    this._queue = el("section", { class: "card" });
    this._sources = el("section", { class: "card" });
    this._outages = el("section", { class: "card" });
    this.element = el(
      "div",
      { class: "view" },
      el("div", { class: "grid" }, this._plex, this._queue, this._makeSweep()),
      this._sources,
      this._outages,
    );
    this.update(page.live);
    this._timer = setInterval(() => this._draw(), SECOND);
  }

  close() {
    clearInterval(this._timer);
  }

  update(live) {
    this._live = live;
    this._written.push([Date.now(), live.written]);
    this._draw();
    const key = `${live.circuit} ${live.status === "waiting_for_plex"}`;
    if (key !== this._circuit) {
      this._circuit = key;
      this._ask();
    }
  }

  _draw() {
    this._drawPlex();
    this._drawQueue();
    this._drawSweep();
    this._drawSources();
  }

  /** Fill a part where it shows something else than before. */
  _part(node, ...children) {
    const box = el("div", {}, ...children);
    const key = box.textContent;
    if (this._keys.get(node) === key) return;
    this._keys.set(node, key);
    fill(node, ...box.childNodes);
  }

  _drawPlex() {
    const { t, status, circuit, ago, time, reason } = this._page.texts;
    const live = this._live;
    this._part(
      this._plex,
      el("h2", {}, t("health.plex")),
      el("p", { class: "number" }, status(live.status)),
      el(
        "dl",
        { class: "facts" },
        fact(t("health.circuit"), circuit(live.circuit)),
        fact(t("health.reachable"), live.reachable === null ? null : t(live.reachable ? "yes" : "no")),
        fact(t("health.next_probe"), live.next_probe && ago(live.next_probe)),
        fact(t("health.next_probe_at"), live.next_probe && time(live.next_probe)),
        fact(t("health.failing"), live.failing.length ? chips(live.failing.map(reason)) : null),
      ),
    );
  }

  _drawQueue() {
    const { t, number, reason } = this._page.texts;
    const live = this._live;
    const waiting = Object.entries(live.reasons).filter(([name]) => name.startsWith("waiting:"));
    this._part(
      this._queue,
      el("h2", {}, t("health.queue")),
      el("p", { class: "number" }, number(live.pending)),
      el(
        "dl",
        { class: "facts" },
        fact(t("health.in_flight"), number(live.in_flight)),
        fact(t("health.rate"), t("health.per_minute", { count: number(this._rate()) })),
        fact(t("health.written"), number(live.written)),
        fact(t("health.failed"), number(live.failed)),
        waiting.map(([name, count]) => fact(reason(name.slice(8)), number(count))),
      ),
    );
  }

  /** Count what was written in the last minute. */
  _rate() {
    const now = Date.now();
    while (this._written.length > 1 && this._written[1][0] < now - MINUTE) this._written.shift();
    return Math.max(0, this._live.written - this._written[0][1]);
  }

  _makeSweep() {
    const { t } = this._page.texts;
    this._sweepText = el("dl", { class: "facts" });
    this._bar = progress(t("health.sweep"), 0);
    this._sweepState = el("p", { role: "status" });
    this._start = button("", (pressed) =>
      this._page.act(pressed, () =>
        this._page.server.ask(this._live.sweep.running ? "sweep/cancel" : "sweep"),
      ),
    );
    return el(
      "section",
      { class: "card" },
      el("h2", {}, t("health.sweep")),
      this._sweepState,
      this._bar,
      this._sweepText,
      el("div", { class: "actions" }, this._start),
    );
  }

  _drawSweep() {
    const { t, time, ago, percent } = this._page.texts;
    const { sweep, undo, last_sweep: last, next_sweep: next } = this._live;
    say(this._start, t(sweep.running ? "health.stop" : "health.start"));
    this._bar.hidden = !sweep.running && !undo;
    const share = sweep.running ? sweep.progress : undo?.progress;
    if (share !== null && share !== undefined) this._bar.value = share;
    else this._bar.removeAttribute("value");
    const state = sweep.running
      ? sweep.hold
        ? t(`hold.${sweep.hold}.title`)
        : t("health.sweeping", { percent: percent(sweep.progress ?? 0) })
      : undo
        ? t("history.undoing", { percent: percent(undo.progress) })
        : "";
    say(this._sweepState, state);
    this._sweepState.hidden = !state;
    this._part(
      this._sweepText,
      fact(t("health.last_sweep"), last ? `${time(last)} (${ago(last)})` : t("never")),
      fact(t("health.next_sweep"), next ? time(next) : t("health.no_sweep")),
    );
  }

  _drawSources() {
    const { t, ago } = this._page.texts;
    const words = (name) => {
      const text = t(`source_reason.${name}`);
      return text === `source_reason.${name}` ? name : text;
    };
    const { sources } = this._live;
    this._part(
      this._sources,
      el("h2", {}, t("health.sources")),
      sources.length === 0 && el("p", { class: "quiet" }, t("health.no_sources")),
      sources.map((each) =>
        el(
          "div",
          { class: "head change" },
          el(
            "div",
            {},
            el("h3", { class: "break" }, each.title),
            el(
              "p",
              { class: "quiet" },
              each.last_look ? t("health.looked", { ago: ago(each.last_look) }) : t("health.not_looked"),
            ),
          ),
          el(
            "div",
            { class: "actions" },
            el("span", {
              class: `dot ${each.connected === false ? "bad" : each.held ? "warn" : each.connected ? "good" : ""}`,
            }),
            each.connected === false
              ? words(each.reason)
              : each.held
                ? t(`held.${each.held}`)
                : t(each.connected ? "health.connected" : "health.unknown"),
          ),
        ),
      ),
    );
  }

  async _ask() {
    const turn = (this._turn = Symbol("turn"));
    try {
      const news = await this._page.server.ask("outages");
      if (turn === this._turn) this._drawOutages(news);
    } catch (error) {
      if (turn === this._turn) fill(this._outages, el("p", {}, this._page.texts.error(error)));
    }
  }

  _drawOutages({ outages, unknown, mttr, mtbf, availability }) {
    const { t, duration } = this._page.texts;
    fill(
      this._outages,
      el("h2", {}, t("health.outages")),
      el(
        "div",
        { class: "shares" },
        Object.entries(availability).map(([window, each]) => this._share(window, each)),
      ),
      timeLine(this._page.texts, outages, unknown),
      el(
        "dl",
        { class: "facts" },
        fact(t("health.mttr"), duration(mttr)),
        fact(t("health.mtbf"), duration(mtbf)),
      ),
      this._table(outages),
    );
  }

  /** Show how much of the time Plex was there, unless next to nothing is known of it. */
  _share(window, { availability, coverage }) {
    const { t, percent } = this._page.texts;
    const known = availability !== null && percent(coverage) !== percent(0);
    const quiet = known ? t("health.coverage", { percent: percent(coverage) }) : t("health.too_little");
    return el(
      "div",
      {},
      el("h3", {}, t(`health.window.${window}`)),
      el("p", { class: "number" }, known ? percent(availability) : "–"),
      el("p", { class: "quiet" }, quiet),
    );
  }

  _table(outages) {
    const { t, time, number, reason, duration } = this._page.texts;
    if (!outages.length) return el("p", { class: "quiet" }, t("health.no_outages"));
    const columns = ["began", "lasted", "cause", "jobs", "probes"];
    return el(
      "div",
      { class: "wide", tabindex: 0, role: "region", "aria-label": t("health.outages") },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, t(`health.${name}`))))),
        add(
          el("tbody"),
          outages.slice(0, 100).map((each) =>
            el(
              "tr",
              {},
              el("td", {}, time(each.start)),
              el("td", {}, each.end ? duration(each.duration) : t("health.lasts")),
              el("td", {}, reason(each.cause)),
              el("td", {}, number(each.jobs)),
              el("td", {}, number(each.probes)),
            ),
          ),
        ),
      ),
    );
  }
}

// What waits for a person: holds, what failed, what has nothing to write to; and what mends it.

import { add, button, confirm, el, fill } from "./dom.js";
import { openJob } from "./job_dialog.js";
import { fileName, link, nothing } from "./pieces.js";
import { Rarely } from "./rarely.js";
import { VirtualList } from "./virtual_list.js";

const PAGE = 100;
const HEIGHT = 68;

/** Say which groups there are: of kind failed or skipped, the largest first. */
function groups(live, kind) {
  return Object.entries(live.reasons)
    .filter(([name]) => name.startsWith(`${kind}:`))
    .map(([name, count]) => ({ kind, reason: name.slice(kind.length + 1), count }))
    .sort((one, other) => other.count - one.count);
}

export class NeedsView {
  /** Count what waits for a decision. */
  static count(live) {
    return live.failed + live.holds.filter((each) => each.issue || !each.source).length;
  }

  constructor(page) {
    this._page = page;
    this._open = page.query.get("reason");
    this.element = el("div", { class: "view" });
    this._holds = el("div");
    this._groups = el("div", { class: "stack" });
    this._drawn = new Map();
    this._reload = new Rarely(() => this._list?.reload());
    add(this.element, this._holds, this._groups);
    this.update(page.live);
  }

  close() {
    this._reload.close();
    this._list?.close();
  }

  visit(query) {
    const wanted = query.get("reason");
    const found = [...this._drawn.values()].find((each) => each.reason === wanted);
    if (found) found.element.open = true;
  }

  /** Take the focus: the row that had it, or the first thing that can be done here. */
  focus() {
    if (this._list?.focus()) return true;
    const first = this._groups.querySelector("summary") ?? this.element.querySelector("a, button");
    first?.focus();
    return Boolean(first);
  }

  update(live) {
    this._live = live;
    const holds = JSON.stringify(live.holds);
    if (holds !== this._holdsKey) {
      this._holdsKey = holds;
      fill(this._holds, live.holds.map((hold) => this._hold(hold)));
    }
    const all = [...groups(live, "failed"), ...groups(live, "skipped")];
    const key = JSON.stringify(all) + !live.holds.length;
    if (key === this._key) return;
    this._key = key;
    this._drawGroups(all, live);
  }

  _why({ hold, source }) {
    const name = source && this._page.source(source);
    return this._page.texts.t(`hold.${hold}.title`, { source: name });
  }

  _hold({ hold, source, asked, issue }) {
    const { t, number } = this._page.texts;
    const numbers = Object.entries(asked ?? {}).map(([name, value]) => [
      name,
      typeof value === "number" ? number(value) : value,
    ]);
    return el(
      "section",
      { class: "card" },
      el("h2", {}, this._why({ hold, source })),
      el("p", {}, t(`hold.${hold}.text`)),
      numbers.length
        ? el(
            "dl",
            { class: "facts" },
            numbers.map(([name, value]) => [el("dt", {}, t(`asked.${name}`)), el("dd", {}, value)]),
          )
        : null,
      el(
        "div",
        { class: "actions" },
        issue
          ? link(this._page, t("needs.open_repairs"), "/config/repairs")
          : link(
              this._page,
              t("needs.open_integration"),
              "/config/integrations/integration/plexsync",
            ),
        hold === "first_plan" &&
          button(t("needs.open_plan"), () => this._page.go("plan", { source })),
      ),
    );
  }

  _drawGroups(all, live) {
    const { t } = this._page.texts;
    const focused = this._page.root.activeElement;
    const had = this._groups.contains(focused);
    const before = this._drawn;
    this._drawn = new Map();
    for (const each of all) {
      const name = `${each.kind}:${each.reason}`;
      const group = before.get(name) ?? this._group(each);
      group.count.textContent = this._page.texts.number(each.count);
      group.number = each.count;
      this._drawn.set(name, group);
    }
    const of = (kind) =>
      [...this._drawn.values()].filter((each) => each.kind === kind).map((each) => each.element);
    const failed = of("failed");
    const skipped = of("skipped");
    fill(
      this._groups,
      !all.length && !live.holds.length && this._nothing(),
      !all.length && live.holds.length > 0 && el("p", { class: "card quiet" }, t("needs.only_holds")),
      failed.length > 0 && [el("h2", {}, t("needs.failed")), failed],
      skipped.length > 0 && [
        el("h2", {}, t("needs.skipped")),
        el("p", { class: "quiet" }, t("needs.skipped_text")),
        skipped,
      ],
    );
    this._keep(had && focused);
  }

  /** Read the open group anew, and leave the focus where it was. */
  _keep(focused) {
    if (this._list && !this._list.element.isConnected) {
      this._list.close();
      this._list = undefined;
    }
    if (focused) focused.focus({ preventScroll: true });
    this._reload.ask();
    if (focused) this._page.refocus();
  }

  _nothing() {
    const { t } = this._page.texts;
    return el("div", { class: "card" }, nothing(t("needs.nothing"), t("needs.nothing_text")));
  }

  _group({ kind, reason }) {
    const { t, reason: words } = this._page.texts;
    const jobs = el("div");
    const count = el("span", { class: "count" });
    const group = { kind, reason, count };
    const advice = t(`advice.${reason}`);
    const details = el(
      "details",
      { class: "card", name: "group", open: reason === this._open },
      el(
        "summary",
        { "data-group": `${kind}:${reason}` },
        el("span", { class: "title" }, words(reason)),
        " ",
        count,
      ),
      advice === `advice.${reason}` ? null : el("p", {}, advice),
      kind === "failed" && this._actions(group),
      jobs,
    );
    details.addEventListener("toggle", () => {
      if (details.open) this._openGroup(kind, reason, jobs);
      else if (this._open === reason) this._closeGroup(jobs);
    });
    return Object.assign(group, { element: details });
  }

  _actions(group) {
    const { reason } = group;
    const { t, number } = this._page.texts;
    return el(
      "div",
      { class: "actions" },
      button(t("needs.retry_all"), (pressed) => this._retry(pressed, { reason })),
      button(t("needs.discard_all"), async (pressed) => {
        const sure = await confirm(this._page, {
          title: t("needs.discard_title"),
          text: t("needs.discard_text", { count: number(group.number) }),
          yes: t("needs.discard"),
          no: t("cancel"),
        });
        if (sure) await this._discard(pressed, { reason });
      }),
    );
  }

  _openGroup(kind, reason, jobs) {
    if (this._list && this._open === reason && jobs.contains(this._list.element)) return;
    this._list?.close();
    this._open = reason;
    this._page.go("needs", { reason }, { replace: true });
    this._list = new VirtualList({
      scroller: this._page.scroller,
      height: HEIGHT,
      page: PAGE,
      label: this._page.texts.reason(reason),
      fetch: async (offset) => {
        const asked = { state: kind, reason, limit: PAGE, offset };
        const { jobs, total } = await this._page.server.ask("jobs", asked);
        return { rows: jobs, total };
      },
      draw: (job) => this._row(job),
      name: (job) => job.id,
      empty: () => el("p", { class: "quiet" }, this._page.texts.t("needs.none_left")),
      failed: (error, again) =>
        nothing(this._page.texts.error(error), "", button(this._page.texts.t("again"), again)),
    });
    fill(jobs, this._list.element);
  }

  _closeGroup(jobs) {
    this._list?.close();
    this._list = undefined;
    this._open = null;
    fill(jobs);
    this._page.go("needs", {}, { replace: true });
  }

  _row(job) {
    const { t, count } = this._page.texts;
    const name = job.paths.length ? fileName(job.paths[0]) : job.key;
    const more = [
      this._page.source(job.source),
      job.candidates.length > 1 && count("needs.candidates", job.candidates.length),
      job.history && count("needs.failures", job.history.failures),
    ].filter(Boolean);
    const open = () => openJob(this._page, job, () => this._list?.reload());
    return el(
      "div",
      { class: "line" },
      el(
        "button",
        { type: "button", class: "main", "data-main": true, onclick: open },
        el("strong", { dir: "auto" }, name),
        el("span", { class: "quiet" }, more.join(" · ")),
      ),
      job.state === "failed" &&
        button(t("needs.retry"), (pressed) => this._retry(pressed, { ids: [job.id] }, job.source), {
          "aria-label": t("needs.retry_this", { name }),
        }),
    );
  }

  /** Retry some jobs, and say what keeps them from being written: `source` is whose they all are. */
  async _retry(pressed, which, source = null) {
    const page = this._page;
    await page.act(pressed, async () => {
      const done = await page.server.ask("retry", which);
      const words = [page.texts.count("needs.retried", done.retried)];
      const held = this._live.holds.find((each) => !each.source || each.source === source);
      if (held) words.push(page.texts.t("waits", { why: this._why(held) }));
      page.toast(words.join(" · "));
      await this._list?.reload();
    });
  }

  async _discard(pressed, which) {
    const page = this._page;
    await page.act(pressed, async () => {
      const done = await page.server.ask("discard", which);
      page.toast(page.texts.count("needs.discarded", done.discarded));
      await this._list?.reload();
    });
  }
}

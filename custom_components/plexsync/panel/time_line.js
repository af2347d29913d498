// Outages on a line of thirty days, and the times of which nothing is known.

import { el } from "./dom.js";

const DAYS = 30;
const DAY = 86_400_000; // milliseconds
const MOST = 100; // spans that are told in words
const SHORTEST = 1; // second: how long it takes to look again is no gap

/** Say how many seconds a span lasted. */
const length = ({ start, end }) => (new Date(end) - new Date(start)) / 1000;

/** Draw the line; the table beneath says the same of the outages in words. */
export function timeLine(texts, outages, unknown) {
  const now = Date.now();
  const begin = now - DAYS * DAY;
  const ofLine = (each) => !each.end || new Date(each.end) > begin;
  const shown = outages.filter(ofLine);
  const blind = unknown.filter((each) => ofLine(each) && length(each) >= SHORTEST);
  const { t, number } = texts;
  const label = [t("health.time_line", { count: number(shown.length) })];
  if (blind.length) label.push(t("health.blind_count", { count: number(blind.length) }));
  const bar = el("div", { class: "time", role: "img", "aria-label": label.join(" ") });
  const draw = (each, kind, title) => {
    const mark = el("i", { class: kind, title });
    const from = Math.max(begin, new Date(each.start).getTime());
    const until = each.end ? new Date(each.end).getTime() : now;
    const start = (100 * (from - begin)) / (now - begin);
    mark.style.insetInlineStart = `min(${start}%, 100% - 4px)`; // the shortest is seen, too
    mark.style.width = `${(100 * Math.max(0, until - from)) / (now - begin)}%`;
    bar.append(mark);
  };
  for (const each of shown) draw(each, "down", `${texts.time(each.start)}: ${texts.reason(each.cause)}`);
  // Of an outage it covers what nobody saw; the line shows through.
  for (const each of blind) draw(each, "blind", `${texts.range(each.start, each.end)}: ${t("health.blind")}`);
  return el(
    "div",
    {},
    bar,
    el(
      "div",
      { class: "scale" },
      el("span", {}, t("health.days_ago", { count: number(DAYS) })),
      el("span", {}, t("health.now")),
    ),
    blind.length > 0 && inWords(texts, blind),
  );
}

/** Say what the pattern means, and when that was. */
function inWords(texts, blind) {
  return el(
    "details",
    {},
    el("summary", {}, el("span", { class: "time key" }, el("i", { class: "blind" })), texts.t("health.blind_text")),
    el(
      "ul",
      {},
      blind
        .slice(0, MOST)
        .map((each) =>
          el("li", {}, `${texts.range(each.start, each.end)} (${texts.duration(length(each))})`),
        ),
    ),
  );
}

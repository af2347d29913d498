// Outages on a line of thirty days.

import { el } from "./dom.js";

const DAYS = 30;
const DAY = 86_400_000; // milliseconds

/** Draw the line; the table beneath says the same in words. */
export function timeLine(texts, outages) {
  const now = Date.now();
  const begin = now - DAYS * DAY;
  const shown = outages.filter((each) => !each.end || new Date(each.end) > begin);
  const bar = el("div", {
    class: "time",
    role: "img",
    "aria-label": texts.t("health.time_line", { count: texts.number(shown.length) }),
  });
  for (const each of shown) {
    const from = Math.max(begin, new Date(each.start).getTime());
    const until = each.end ? new Date(each.end).getTime() : now;
    const mark = el("i", { title: `${texts.time(each.start)}: ${texts.reason(each.cause)}` });
    const start = (100 * (from - begin)) / (now - begin);
    mark.style.insetInlineStart = `min(${start}%, 100% - 4px)`; // the shortest is seen, too
    mark.style.width = `${(100 * Math.max(0, until - from)) / (now - begin)}%`;
    bar.append(mark);
  }
  return el(
    "div",
    {},
    bar,
    el(
      "div",
      { class: "scale" },
      el("span", {}, texts.t("health.days_ago", { count: texts.number(DAYS) })),
      el("span", {}, texts.t("health.now")),
    ),
  );
}

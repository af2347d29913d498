// One change of one field, before and after.

import { drawDifference } from "./diff.js";
import { el, icon } from "./dom.js";
import { chips, picture } from "./pieces.js";

/** Name a member of a list: of an actor the part as well. */
function member(value) {
  if (value === null || typeof value !== "object") return String(value);
  return value.role ? `${value.name} (${value.role})` : value.name;
}

/** Say in one line what a value is. */
function words(texts, value) {
  if (value === null || value === undefined || value === "" || value.length === 0)
    return texts.t("empty");
  if (Array.isArray(value)) return texts.list(value.map(member));
  return typeof value === "object" ? member(value) : String(value);
}

const PICTURES = new Set(["poster", "background"]);
const SENTENCES = new Set(["title", "original_title", "summary", "tagline"]);

/** Draw a change; `paths` are those of the two pictures, where it is one. */
export function drawChange(page, change, { paths, actions } = {}) {
  const { t, field } = page.texts;
  return el(
    "section",
    { class: "change" },
    el(
      "div",
      { class: "head" },
      el(
        "h3",
        {},
        field(change.field),
        change.locked && [" ", icon("lock", "small"), el("span", { class: "hidden" }, t("change.locked"))],
        change.undone && [" ", el("span", { class: "chip" }, t("history.undone"))],
      ),
      actions,
    ),
    body(page, change, paths),
  );
}

function body(page, change, paths) {
  const { field, before, after } = change;
  if (PICTURES.has(field)) return pictures(page, field, paths);
  if (Array.isArray(before) || Array.isArray(after)) return list(page, change);
  if (SENTENCES.has(field) && before && after) return drawDifference(String(before), String(after));
  const side = (tag, value) => {
    const nothing = value === null || value === undefined || value === "";
    return el(nothing ? "span" : tag, { class: nothing ? "quiet" : null }, words(page.texts, value));
  };
  return el("p", { class: "text" }, side("del", before), " → ", side("ins", after));
}

function pictures(page, field, paths) {
  const { t } = page.texts;
  const side = (name, path) =>
    el(
      "figure",
      { class: field },
      picture(page.server, path, { alt: `${page.texts.field(field)}: ${t(name)}`, large: true }),
      el("figcaption", { class: "quiet" }, t(name)),
    );
  if (!paths) return el("p", { class: "quiet" }, t("change.picture"));
  return el(
    "div",
    { class: "pictures" },
    side("change.before", paths.before),
    side("change.after", paths.after),
  );
}

function list(page, { before, after, added, removed }) {
  const { t } = page.texts;
  const one = (before ?? []).map(member);
  const other = (after ?? []).map(member);
  const come = added?.map(member) ?? other.filter((each) => !one.includes(each));
  const gone = removed?.map(member) ?? one.filter((each) => !other.includes(each));
  const stay = other.filter((each) => !come.includes(each));
  const part = (name, names, kind) =>
    names.length > 0 &&
    el("div", {}, el("span", { class: "quiet" }, t(name), " "), chips(names, kind));
  return el(
    "div",
    { class: "members" },
    part("change.added", come, "added"),
    part("change.removed", gone, "removed"),
    !come.length && !gone.length && el("p", {}, t("change.order")),
    stay.length > 0 &&
      el(
        "details",
        {},
        el("summary", {}, page.texts.count("change.stay", stay.length)),
        chips(stay),
      ),
  );
}

// What an undo would restore, as Plex is now: it is seen first, and done just so.

import { drawChange } from "./change.js";
import { button, el, fill, rest, say, show } from "./dom.js";
import { fact } from "./pieces.js";

/**
 * Show what an undo of an item would do, or of some of its `fields`; `done` is given the
 * answer once it was done.
 */
export function openUndo(page, { name, ratingKey, fields }, done) {
  const { t } = page.texts;
  const asked = { rating_key: ratingKey, ...(fields ? { fields } : {}) };
  const note = el("p", { role: "status" }, t("loading"));
  const body = el("div");
  const dialog = el("dialog", { "aria-labelledby": "undo" });
  let digest;
  const load = async (words = "") => {
    try {
      const plan = await page.server.ask("undo/plan", asked);
      const is = plan.changes.length + plan.in_line.length > 0;
      digest = plan.digest;
      say(note, words || (is ? "" : t("history.nothing_left")));
      fill(body, draw(page, plan));
      rest(undo, !is);
    } catch (error) {
      say(note, page.texts.error(error));
    }
  };
  const undo = button(
    t("history.undo"),
    (event) =>
      page.act(event, async () => {
        try {
          const answer = await page.server.ask("undo", { ...asked, digest });
          if (answer.changed) return await load(t("history.changed"));
          dialog.close();
          return await done(answer);
        } catch (error) {
          return say(note, page.texts.error(error)); // a toast would be behind the dialog
        }
      }),
    { class: "button primary", rests: true },
  );
  fill(
    dialog,
    el("h2", { id: "undo", class: "break" }, t("history.undo_what", { name })),
    note,
    body,
    el("div", { class: "actions" }, button(t("cancel"), () => dialog.close(), { autofocus: true }), undo),
  );
  show(page, dialog);
  load();
}

function draw(page, { changes, in_line: already, kept }) {
  const { t, field, list, reason } = page.texts;
  const stays = Object.entries(kept);
  return [
    changes.map((change) => drawChange(page, change)),
    (stays.length > 0 || already.length > 0) &&
      el(
        "section",
        { class: "change" },
        el("h3", {}, t("plan.kept")),
        el(
          "dl",
          { class: "facts" },
          stays.map(([name, why]) => fact(field(name), reason(why))),
          already.length > 0 && fact(list(already.map(field)), t("history.in_line")),
        ),
      ),
  ];
}

// What an undo would restore, as Plex is now: it is seen first, and done just so.

import { drawChange } from "./change.js";
import { button, el, fill, rest, say, show } from "./dom.js";
import { staying } from "./pieces.js";

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
    digest = undefined;
    rest(undo, true);
    try {
      const plan = await page.server.ask("undo/plan", asked);
      const is = plan.changes.length + plan.in_line.length > 0;
      digest = plan.digest;
      say(note, words || (is ? "" : t("history.nothing_left")));
      fill(body, draw(page, plan));
      rest(undo, !is);
    } catch (error) {
      fill(body); // the plan that was shown may no longer be true
      say(note, page.texts.error(error));
    }
  };
  const undo = button(
    t("history.undo"),
    async (pressed) => {
      let changed = false;
      await page.act(pressed, async () => {
        try {
          const answer = await page.server.ask("undo", { ...asked, digest });
          changed = answer.changed;
          if (changed) return;
          dialog.close();
          await done(answer);
        } catch (error) {
          say(note, page.texts.error(error)); // a toast would be behind the dialog
        }
      });
      if (changed) await load(t("history.changed")); // once `act` lets go of the button
    },
    { class: "button primary" },
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
  const { texts } = page;
  return [
    changes.map((change) => drawChange(page, change)),
    staying(texts, kept, already, texts.t("history.in_line")),
  ];
}

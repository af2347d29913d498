// One job: why it is where it is, and what a person can do about it.

import { button, el, fill, show } from "./dom.js";
import { chips, fact, picture } from "./pieces.js";

/** Show a job; `changed` is called when something was done about it. */
export function openJob(page, job, changed) {
  const { t, reason, field, time } = page.texts;
  const dialog = el("dialog", { "aria-labelledby": "job" });
  const done = () => {
    dialog.close();
    changed();
  };
  const advice = t(`advice.${job.reason}`);
  const advised = job.reason !== "ambiguous" && advice !== `advice.${job.reason}`;
  fill(
    dialog,
    el("h2", { id: "job" }, reason(job.reason)),
    advised && el("p", {}, advice),
    el(
      "dl",
      { class: "facts" },
      fact(t("source"), page.source(job.source)),
      fact(t("job.key"), job.key),
      fact(t("job.paths"), job.paths.length ? job.paths.map((path) => el("div", {}, path)) : null),
      fact(t("job.fields"), job.fields.length ? chips(job.fields.map(field)) : null),
      fact(
        t("job.kept"),
        Object.keys(job.kept).length
          ? Object.entries(job.kept).map(([name, why]) =>
              el("div", {}, `${field(name)}: ${reason(why)}`),
            )
          : null,
      ),
      fact(t("job.since"), job.history ? time(job.history.first) : time(job.enqueued)),
      fact(t("job.last"), job.history ? time(job.history.last) : null),
    ),
    candidatesOf(job).length > 0 && candidates(page, job, done),
    el("div", { class: "actions" }, button(t("close"), () => dialog.close()), buttons(page, job, done)),
  );
  show(page, dialog);
}

/** Say which items a record may be tied to: those that fit, or the one that follows another. */
function candidatesOf(job) {
  if (job.reason === "shared_item") return job.items.map((item) => item.rating_key);
  return job.candidates;
}

function buttons(page, job, done) {
  const { t, list, field } = page.texts;
  if (job.state !== "failed") return null;
  const refused = Object.keys(job.kept);
  const keep = (pressed) =>
    page.act(pressed, async () => {
      for (const name of refused)
        await page.server.ask("plan/leave", {
          source: job.source,
          key: job.key,
          field: name,
          leave: true,
        });
      await page.server.ask("retry", { ids: [job.id] });
      done();
    });
  const ask = (name) => (pressed) =>
    page.act(pressed, async () => {
      await page.server.ask(name, { ids: [job.id] });
      done();
    });
  return [
    button(t("needs.discard"), ask("discard")),
    refused.length > 0 && button(t("job.keep", { fields: list(refused.map(field)) }), keep),
    button(t("needs.retry"), ask("retry"), { class: candidatesOf(job).length ? "button" : "button primary" }),
  ];
}

function candidates(page, job, done) {
  const { t, error } = page.texts;
  const box = el("section", {}, el("h3", {}, t("job.which")), el("p", { class: "quiet" }, t("loading")));
  page.server
    .ask("candidates", { rating_keys: candidatesOf(job).slice(0, 20) })
    .then(({ items }) =>
      fill(
        box,
        el("h3", {}, t("job.which")),
        items.length ? items.map((item) => candidate(page, job, item, done)) : el("p", {}, t("job.gone")),
      ),
    )
    .catch((problem) => fill(box, el("p", {}, error(problem))));
  return box;
}

function candidate(page, job, item, done) {
  const { t } = page.texts;
  const pick = (pressed) =>
    page.act(pressed, async () => {
      await page.server.ask("pin", {
        source: job.source,
        key: job.key,
        rating_key: item.rating_key,
      });
      page.toast(t("job.picked", { title: item.title }));
      done();
    });
  const title = item.year ? `${item.title} (${item.year})` : item.title;
  return el(
    "div",
    { class: "candidate" },
    picture(page.server, page.server.picture(item.rating_key, "poster")),
    el(
      "div",
      {},
      el("strong", { class: "break", dir: "auto" }, title),
      el("div", { class: "quiet" }, item.library),
      item.paths.map((path) => el("div", { class: "break" }, path)),
    ),
    button(t("job.pick"), pick, { "aria-label": t("job.pick_this", { title }) }),
  );
}

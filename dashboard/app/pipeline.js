// Whether anything is lost or stuck on the way from the gateway into the stores.
import { commands, pathctl } from "./command.js";
import { h } from "./element.js";
import { count, countText, plural, share } from "./figure.js";
import { STORE_LIMIT_BYTES, flow } from "./flow.js";
import { badge, card, facts, prose, reading, sentence, table } from "./parts.js";
import { healthState } from "./reasons.js";
import { ago, time } from "./time.js";

const REDRIVE_MS = 7 * 86_400_000; // how long dedup can tell whether an event was counted

export function pipelinePage({ sources }) {
  const [health, letters] = [sources.health(), sources.deadLetters()];
  return [
    h("h1", { tabindex: "-1" }, "Pipeline"),
    card("Health", null, reading(health, healthState)),
    card("From gateway to store", null, reading(health, flow, 4)),
    h(
      "div",
      { class: "two", "data-key": "stores" },
      card(
        "Stores",
        null,
        reading(health, ({ stores, archive }) => [storesTable(stores), archived(archive)]),
      ),
      card(
        "Scheduled work",
        null,
        reading(health, ({ cron }) => cronTable(cron ?? [])),
      ),
    ),
    card("Dead letters", null, reading(letters, lettersTable)),
  ];
}

function storesTable({ old, new: fresh }) {
  const row = (name, { events, absorbed, unfolded, bytes }) => [
    name,
    count(events),
    count(absorbed),
    count(unfolded),
    typeof bytes === "number" ? share(bytes, STORE_LIMIT_BYTES) : "not known",
  ];
  const away = (name) => [name, badge("bad", "can’t be read"), "", "", ""];
  const objects = old ? old.map((one, n) => row(old.length > 1 ? `Object ${n + 1}` : "Object", one)) : [away("Object")];
  const rows = [...objects, fresh ? row("D1", Array.isArray(fresh) ? fresh[0] : fresh) : away("D1")];
  return table("Stores", ["Store", "#Events kept", "#Repeats absorbed", "#To be folded", "#Of 10 GB"], rows, "stacks");
}

function archived(archive) {
  if (!archive) return h("p", { class: "hint" }, "What is archived can’t be read now.");
  if (!archive.bound) return h("p", { class: "hint" }, "No archive is bound: details are not kept beyond their time.");
  return facts([
    ["Archived up to", archive.archivedUntil ? new Date(archive.archivedUntil).toISOString().slice(0, 10) : "nothing yet"],
    ["Details kept", plural(archive.detailsDays, "day")],
  ]);
}

function cronTable(jobs) {
  if (!jobs.length) return h("p", { class: "empty" }, "No job has run yet.");
  return table(
    "Scheduled work",
    ["Job", "State", "Last success", "Last start"],
    jobs.map(({ job, startedAt, succeededAt, error }) => [
      job,
      error
        ? h("span", { title: error }, badge("bad", "failed"), h("small", { class: "block" }, error))
        : badge("good", "done"),
      succeededAt ? ago(succeededAt) : "never",
      ago(startedAt),
    ]),
    "stacks",
  );
}

/** Where a dead letter was found. */
export const letterKind = (source) => ({ dlq: "slow lane", consumer: "queue" })[source] ?? source;

function lettersTable({ count: all, letters }) {
  if (!all) return h("p", { class: "empty" }, "None: every event could be stored.");
  const rows = letters
    .slice(0, 50)
    .map(({ id, receivedAt, sentAt, source, reason, refused, bytes }) => [
      h("span", { class: "nowrap" }, time(receivedAt, "short")),
      letterKind(source),
      h("span", { class: "reason" }, prose(sentence(reason)), refused ? [" Redriven, and refused: ", prose(sentence(refused))] : ""),
      plural(bytes, "byte"),
      until((sentAt ?? receivedAt) + REDRIVE_MS),
      h("span", { class: "mono" }, id),
    ]);
  const [{ id }] = letters;
  return [
    h("p", null, `${plural(all, "letter")} kept. Mend what sends them; then try them again, or throw them away.`),
    table("Dead letters, the newest first", ["Received", "Kind", "Why", "#Size", "Redrive until", "Message"], rows, "stacks"),
    all > rows.length ? h("p", { class: "hint" }, `The newest ${countText(rows.length)} are shown.`) : null,
    commands([
      ["See its payload and events", pathctl(`dead-letters show ${id}`)],
      ["Try all again: each event counts once", pathctl("dead-letters redrive --all")],
      ["Throw all away: their events are lost", pathctl("dead-letters purge --all")],
    ]),
  ];
}

/** By when a letter has to be redriven. */
const until = (at) =>
  at > Date.now() ? h("span", { class: "nowrap" }, time(at, "short")) : h("span", { class: "none" }, "too late");

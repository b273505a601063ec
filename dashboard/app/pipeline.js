// Whether anything is lost or stuck on the way from the gateway into the stores.
import { h } from "./element.js";
import { count, countText, none, plural, share, spanText } from "./figure.js";
import { badge, card, facts, prose, reading, sentence, table } from "./parts.js";
import { ago, time } from "./time.js";

const TONES = { ok: "good", degraded: "warn", failing: "bad" };
const HEADLINES = {
  ok: "Nothing is lost or stuck",
  degraded: "Something needs a look",
  failing: "Something is failing",
};

export function pipelinePage({ sources }) {
  const [health, letters] = [sources.health(), sources.deadLetters()];
  return [
    h("h1", { tabindex: "-1" }, "Pipeline"),
    card("Health", null, reading(health, state)),
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

function state({ status, reasons, computedAt }) {
  return [
    h("p", { class: "headline" }, badge(TONES[status] ?? "quiet", HEADLINES[status] ?? status)),
    reasons?.length
      ? h(
          "ul",
          { class: "reasons" },
          reasons.map(({ code, message }) => h("li", null, prose(sentence(message)), " ", h("code", null, code))),
        )
      : null,
    computedAt ? h("p", { class: "hint" }, "Looked at ", ago(computedAt), ".") : null,
  ];
}

/** The way of an event, station by station. */
function flow({ sends, consumer, queue, deadLetters }) {
  const station = (title, tone, ...lines) =>
    h(
      "li",
      { class: tone },
      h("h3", null, title),
      lines.filter(Boolean).map(([value, ...words]) => h("p", null, value, " ", words)),
    );
  const { backlog, oldestMs } = queue;
  const dead = deadLetters ?? { count: null, oldestAt: null };
  return h(
    "ol",
    { class: "flow" },
    station(
      "Gateway",
      sends.lost ? "bad" : "good",
      [count(sends.tried), "writes tried"],
      [count(sends.failed), "failed", sends.tried ? [" (", share(sends.failed, sends.tried), ")"] : ""],
      [count(sends.fallback), "taken by the other path"],
      [count(sends.lost), "lost"],
    ),
    station(
      "Queue",
      oldestMs > 300_000 ? "warn" : "good",
      ...(backlog === null && oldestMs === null
        ? [["", "How much waits is not known here."]]
        : [
            [count(backlog), "waiting"],
            [oldestMs === null ? none() : spanText(oldestMs), "the oldest waits"],
          ]),
    ),
    station(
      "Consumer",
      consumer.dead ? "warn" : "good",
      [count(consumer.stored), "stored"],
      [count(consumer.absorbed), "repeats absorbed"],
      [count(consumer.retried), "tried again"],
      [count(consumer.dead), "given up"],
    ),
    station(
      "Dead letters",
      dead.count === 0 ? "good" : "bad",
      dead.count === null ? ["", "They can’t be read now."] : [count(dead.count), "kept"],
      dead.oldestAt ? [ago(dead.oldestAt), "the oldest"] : null,
    ),
  );
}

function storesTable({ old, new: fresh }) {
  const row = (name, { events, absorbed, unfolded }) => [name, count(events), count(absorbed), count(unfolded)];
  const away = (name) => [name, badge("bad", "can’t be read"), "", ""];
  const objects = old ? old.map((one, n) => row(old.length > 1 ? `Object ${n + 1}` : "Object", one)) : [away("Object")];
  const rows = [...objects, fresh ? row("D1", Array.isArray(fresh) ? fresh[0] : fresh) : away("D1")];
  return table("Stores", ["Store", "#Events kept", "#Repeats absorbed", "#To be folded"], rows);
}

function archived(archive) {
  if (!archive?.bound) return h("p", { class: "hint" }, "No archive is bound: details are not kept beyond their time.");
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

/** What the source of a dead letter means. */
export const letterKind = (source) => ({ dlq: "retries exhausted", consumer: "can’t be read" })[source] ?? source;

function lettersTable({ count: all, letters }) {
  if (!all) return h("p", { class: "empty" }, "None: every event could be stored.");
  const rows = letters
    .slice(0, 50)
    .map(({ id, receivedAt, source, reason }) => [
      h("span", { class: "nowrap" }, ago(receivedAt)),
      h("span", { class: "nowrap" }, time(receivedAt, "short")),
      letterKind(source),
      h("span", { class: "reason" }, prose(sentence(reason))),
      h("span", { class: "mono" }, id.slice(0, 24)),
    ]);
  return [
    h("p", null, `${plural(all, "letter")} kept.`),
    table("Dead letters, the newest first", ["Age", "Received", "Kind", "Why", "Message"], rows, "stacks"),
    all > rows.length ? h("p", { class: "hint" }, `The newest ${countText(rows.length)} are shown.`) : null,
  ];
}

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

/** Why health is not well, since when, and what to do. */
const reasonItem = ({ code, message, since, remedy }) =>
  h(
    "li",
    null,
    prose(sentence(message)),
    since ? [" Since ", ago(since), "."] : "",
    remedy ? h("small", { class: "block" }, prose(sentence(remedy))) : "",
    " ",
    h("code", null, code),
  );

function state({ status, reasons, computedAt }) {
  return [
    h("p", { class: "headline" }, badge(TONES[status] ?? "quiet", HEADLINES[status] ?? status)),
    reasons?.length
      ? h(
          "ul",
          { class: "reasons" },
          reasons.map(reasonItem),
        )
      : null,
    computedAt ? h("p", { class: "hint" }, "Looked at ", ago(computedAt), ".") : null,
  ];
}

/**
 * What waits in a queue. Where the platform doesn't tell, that is not taken for nothing.
 * @param {{ backlog?: number | null, oldestMs?: number | null }} [queue]
 */
function waits({ backlog, oldestMs } = {}) {
  if (backlog === undefined || (backlog === null && oldestMs === null)) return [["", "How much waits is not known here."]];
  return [
    [count(backlog), "waiting"],
    [oldestMs === null ? none() : spanText(oldestMs), "the oldest waits"],
  ];
}

const UNREAD = [["", "What isolates counted can’t be read now."]];

/** The way of an event, station by station. Its colour is of late, its figures are of all time. */
function flow({ sends, consumer, lately, queue, slowLane, deadLetters, reasons }) {
  const codes = new Set((reasons ?? []).map(({ code }) => code));
  /** Bad or a warning by reasons; good only where all that it is judged by is known. */
  const tone = (bad, warn, isKnown = true) => {
    if (bad.some((code) => codes.has(code))) return "bad";
    if (warn.some((code) => codes.has(code))) return "warn";
    return isKnown ? "good" : "quiet";
  };
  const recent = (name) => lately?.counts?.[name] ?? 0;
  const station = (title, tone, ...lines) =>
    h(
      "li",
      { class: tone },
      h("h3", null, title),
      lines.filter(Boolean).map(([value, ...words]) => h("p", null, value, " ", words)),
    );
  const dead = deadLetters ?? { count: null, oldestAt: null };
  return h(
    "ol",
    { class: "flow" },
    station(
      "Gateway",
      tone(["events-lost"], ["events-lost-earlier", "fallback"], sends),
      ...(sends
        ? [
            [count(sends.tried), "writes tried"],
            [count(sends.failed), "failed", sends.tried ? [" (", share(sends.failed, sends.tried), ")"] : ""],
            [count(sends.fallback), "taken by the other path"],
            [count(sends.lost), "lost"],
          ]
        : UNREAD),
    ),
    station(
      "Queue",
      tone(["queue-stuck"], ["backlog"], queue.backlog !== null),
      ...waits(queue),
    ),
    station(
      "Consumer",
      tone(["messages-stuck", "new-store-refuses-writes", "store-full"], ["messages-retried", "write-probe-late"], consumer),
      ...(consumer
        ? [
            [count(consumer.stored), "stored"],
            [count(consumer.absorbed), "repeats absorbed"],
            [count(consumer.retried), "tried again"],
            recent("consumer_retried") ? [count(recent("consumer_retried")), "of them in the last 15 minutes"] : null,
            [count(consumer.dead), "can’t be read"],
          ]
        : UNREAD),
    ),
    station(
      "Slow lane",
      tone(["slow-lane-stuck"], ["slow-lane"], typeof slowLane?.backlog === "number"),
      ...waits(slowLane),
      ["", "Applied once D1 takes it."],
    ),
    station(
      "Dead letters",
      dead.count === 0 ? "good" : "bad",
      dead.count === null ? ["", "They can’t be read now."] : [count(dead.count), "kept"],
      dead.oldestAt ? [ago(dead.oldestAt), "the oldest"] : null,
    ),
  );
}

/** What D1 and each object may hold. */
const STORE_LIMIT_BYTES = 10_000_000_000;

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

/** Where a dead letter was found. */
export const letterKind = (source) => ({ dlq: "slow lane", consumer: "queue" })[source] ?? source;

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

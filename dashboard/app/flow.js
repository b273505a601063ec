// The way of an event from the gateway into the stores, station by station: what passes lately, and what waits.
import { h } from "./element.js";
import { count, none, plural, rateText, share, shareText, spanText } from "./figure.js";
import { spark } from "./spark.js";
import { ago, timeText } from "./time.js";

const LATELY_SECONDS = 900; // what the API calls lately
const MOST_SEEN = 360; // an hour of them, as often as health is read

/** What D1 and each object may hold. */
export const STORE_LIMIT_BYTES = 10_000_000_000;

/** Backlogs since this page was opened: the API tells only the present one. */
const seen = [];

/** Notes what waits; each answer once. */
function note({ computedAt, queue, slowLane }) {
  if (seen.at(-1)?.at === computedAt) return;
  seen.push({ at: computedAt, queue: queue.backlog, slowLane: slowLane.backlog });
  if (seen.length > MOST_SEEN) seen.shift();
}

/** Whether a backlog grows: its course since the page was opened. */
function course(name) {
  const known = seen.filter((one) => typeof one[name] === "number");
  const [first, last] = [known[0], known.at(-1)];
  if (known.length < 2 || first[name] + last[name] === 0) return null;
  const by = last[name] - first[name];
  const verb = by > 0 ? `${by} more than` : by < 0 ? `${-by} fewer than` : "as many as";
  const words = `${verb} at ${timeText(first.at, "second")}`;
  return h("div", { class: "course" }, spark(seen.map((one) => one[name]), { label: words }), h("small", null, words));
}

/** What waits in a queue. Where the platform doesn't tell, that is not taken for nothing. */
function waits({ backlog, oldestMs }, name) {
  if (backlog === null && oldestMs === null) return [["", "How much waits is not known here."]];
  return [
    [count(backlog), "waiting"],
    backlog === 0 ? null : [oldestMs === null ? none() : spanText(oldestMs), "the oldest waits"],
    [course(name)],
  ];
}

const UNREAD = [["", "What isolates counted can’t be read now."]];

function gateway(lately) {
  if (!lately) return UNREAD;
  const of = (name) => lately.counts[name] ?? 0;
  const tried = of("do_record_tried") + of("queue_send_tried");
  const failures = of("do_record_failed") + of("queue_send_failed");
  const lost = lately.day.lost ?? 0;
  return [
    [rateText(tried / LATELY_SECONDS), "writes"],
    failures ? [count(failures), `failed (${shareText(failures / tried)})`] : ["0", "failed"],
    of("fallback") ? [count(of("fallback")), "taken by the other path"] : null,
    lost ? [h("b", { class: "unexplained" }, count(lost)), "lost in 24 hours"] : ["0", "lost"],
  ];
}

function consumer(lately, counts) {
  if (!lately) return UNREAD;
  const of = (name) => lately.counts[name] ?? 0;
  return [
    [rateText(of("consumer_acked") / LATELY_SECONDS), "messages done"],
    [count(of("consumer_retried")), "tried again"],
    lately.retriedSince ? [ago(lately.retriedSince), "the first of them"] : null,
    counts?.absorbed ? [count(counts.absorbed), "repeats absorbed, in all"] : null,
  ];
}

/** What a store holds, in two lines. */
function holds(name, store) {
  if (!store) return [[name, "can’t be read"]];
  const full = typeof store.bytes === "number" ? share(store.bytes, STORE_LIMIT_BYTES) : "not known";
  return [
    [count(store.events), `in ${name}`],
    ["", ["of its 10 GB: ", full]],
    store.unfolded ? [plural(store.unfolded, "segment"), "to be folded"] : null,
  ];
}

/** The way of an event. Every figure says of when it is; colours are of late. */
export function flow(health) {
  note(health);
  const { lately, queue, slowLane, deadLetters, reasons, stores } = health;
  const codes = new Set(reasons.map(({ code }) => code));
  /** Bad or a warning by reasons; good only where all that it is judged by is known. */
  const tone = (bad, warn, isKnown) => {
    if (bad.some((code) => codes.has(code))) return "bad";
    if (warn.some((code) => codes.has(code))) return "warn";
    return isKnown ? "good" : "quiet";
  };
  const station = (title, colour, lines) =>
    h(
      "li",
      { class: colour, "data-key": title },
      h("h3", null, title),
      lines.filter(Boolean).map(([value, ...words]) => h("p", null, typeof value === "string" ? h("b", null, value) : value, " ", words)),
    );
  const objects = stores.old ?? [null];
  const dead = deadLetters ?? { count: null, oldestAt: null };
  const letters = dead.count === null ? ["", "They can’t be read now."] : [count(dead.count), "kept"];
  return [
    h(
      "ol",
      { class: "flow" },
      station("Gateway", tone(["events-lost"], ["events-lost-earlier", "fallback"], lately), gateway(lately)),
      station("Queue", tone(["queue-stuck"], ["backlog"], queue.backlog !== null), waits(queue, "queue")),
      station("Consumer", tone(["messages-stuck"], ["messages-retried"], lately), consumer(lately, health.consumer)),
      station(
        "Stores",
        tone(
          ["old-store-unreadable", "new-store-unreadable", "old-store-refuses-writes", "new-store-refuses-writes", "store-full"],
          ["store-filling", "folding-late", "write-probe-late"],
          stores.old && stores.new,
        ),
        [
          ...objects.flatMap((one, n) => holds(objects.length > 1 ? `object ${n + 1}` : "the object", one)),
          ...holds("D1", stores.new),
        ],
      ),
      station("Slow lane", tone(["slow-lane-stuck"], ["slow-lane"], slowLane.backlog !== null), [
        ...waits(slowLane, "slowLane"),
        ["", "Applied once D1 takes it."],
      ]),
      station("Dead letters", tone([], ["dead-letters", "dead-letters-unreadable"], dead.count !== null), [
        letters,
        dead.oldestAt ? [ago(dead.oldestAt), "the oldest"] : null,
        dead.dropped ? [plural(dead.dropped, "letter"), "dropped: there were too many"] : null,
      ]),
    ),
    h("p", { class: "hint" }, "Rates and failures are of the last 15 minutes. Stores hold events of eight days."),
  ];
}

// What every part knows of one ID.
import { h } from "./element.js";
import { count, milliseconds, msText, spanText } from "./figure.js";
import { badge, card, facts, failed, prose, sentence, skeleton, table } from "./parts.js";
import { letterKind } from "./pipeline.js";
import { towards } from "./place.js";
import { ago, time } from "./time.js";

const FORM = /^\d{13}-[0-9a-f]{8}$/;
const COHORTS = { single: "one path alone", dual: "both paths", fallback: "the other path, because a write failed" };

export function tracePage({ place, sources, go }) {
  const onsubmit = (event) => {
    event.preventDefault();
    go(towards(place, { view: "trace", id: event.target.elements.id.value.trim() }));
  };
  return [
    h("h1", { tabindex: "-1" }, "Trace"),
    h("p", { class: "lead" }, "What each part of the collector knows of one request, by its idempotent ID."),
    h(
      "form",
      { class: "find", role: "search", onsubmit, "data-key": "find" },
      h("input", {
        name: "id",
        type: "search",
        value: place.id,
        required: true,
        spellcheck: "false",
        autocomplete: "off",
        placeholder: "1730956800000-ca81a161",
        "aria-label": "Idempotent ID",
        class: "mono",
        maxlength: "64",
      }),
      h("button", { class: "primary" }, "Trace"),
    ),
    place.id ? result(place, sources) : hint(),
  ];
}

const hint = () =>
  h(
    "p",
    { class: "card empty" },
    "An ID is the start of its window in ms, a dash, and 8 hex digits. ",
    "Logs, exemplars and parity’s differences show them.",
  );

function result(place, sources) {
  if (!FORM.test(place.id)) {
    return h(
      "p",
      { class: "notice warn", role: "alert" },
      `“${place.id}” is no ID: give 13 digits, a dash and 8 hex digits, such as 1730956800000-ca81a161.`,
    );
  }
  const read = sources.trace(place.id);
  if (!read.data) return h("div", { class: "card" }, read.error ? failed(read.error) : skeleton("lines", 5));
  const trace = read.data;
  return h(
    "div",
    { class: "stack", "data-key": trace.idempotentId },
    h("p", { class: "verdict" }, conclusion(trace)),
    h(
      "div",
      { class: "two" },
      store("Old path", "PathCollector object", trace.old, trace.absorbed?.old, place),
      store("New path", "queue, consumer, D1", trace.new, trace.absorbed?.new, place),
    ),
    card(
      "Besides",
      null,
      facts([
        ["Its window begins", time(Number(trace.idempotentId.slice(0, 13)), "full")],
        trace.cohort && ["Meant for", COHORTS[trace.cohort] ?? trace.cohort],
        trace.flagVersion !== null &&
          trace.flagVersion !== undefined && ["Routed by", `version ${trace.flagVersion} of the flag`],
        ["Archive", trace.archive ? `${trace.archive.day}, ${trace.archive.state}` : "not archived"],
        trace.details && ["Details", sentence(trace.details.note)],
      ]),
    ),
    letters(trace.deadLetters ?? [], trace.deadLettersNotSearched),
  );
}

/** What all of it means. */
function conclusion({ old, new: fresh, deadLetters, absorbed, details }) {
  if (!old || !fresh) return badge("warn", "A store can’t be read now, so this is not all that is known.");
  const [inOld, inNew] = [old.length > 0, fresh.length > 0];
  if (inOld && inNew) return badge("good", "Both stores have it. It counts once.");
  if (deadLetters?.length && !inOld) return badge("bad", "It is in a dead letter and in no store: it is not counted.");
  if (inOld || inNew) {
    const other = inOld ? "new" : "old";
    const first = [...old, ...fresh][0].event;
    if (first.cohort === "dual")
      return badge("warn", `It was meant for both, and the ${other} store lacks it. It counts once.`);
    return badge("good", `The ${inOld ? "old" : "new"} store has it, as was meant. It counts once.`);
  }
  if (absorbed?.old || absorbed?.new)
    return badge("good", "It repeats an event of the window before or after it, and counts once with that.");
  if (details?.place === "archive") return badge("quiet", "No store keeps it any longer; the archive of its day may.");
  if (details?.place === "nowhere") return badge("quiet", "Nothing knows this ID, and it is older than what is kept.");
  return badge("quiet", "Nothing knows this ID. It may never have been used, or its details are no longer kept.");
}

function store(title, what, found, absorbed, place) {
  if (!found) {
    return card(title, h("span", { class: "per" }, what), h("p", { class: "failed" }, h("b", null, "Not readable now.")));
  }
  const events = found.map(({ storedAt, event }) =>
    facts([
      [
        "Request",
        h("b", null, event.method),
        " ",
        h("a", { class: "mono", href: towards(place, { view: "path", path: event.path }) }, event.path),
      ],
      ["Status", h("span", { class: `status s${Math.floor(event.status / 100)}` }, String(event.status))],
      ["Took", milliseconds(event.responseTime)],
      ["Arrived", time(event.timestamp, "full")],
      ["Stored", time(storedAt, "full"), h("small", null, ` ${laterText(storedAt - event.timestamp)} later`)],
      ["Came by", COHORTS[event.cohort] ?? event.cohort],
      ["Digest", h("span", { class: "mono" }, event.digest)],
      ["Producer", h("span", { class: "mono" }, event.producer), ` number ${event.seq}`],
    ]),
  );
  return card(
    title,
    h("span", { class: "per" }, what),
    found.length ? events : h("p", { class: "empty" }, "It doesn’t have it."),
    absorbed
      ? h("p", { class: "hint" }, count(absorbed), absorbed === 1 ? " repeat was absorbed." : " repeats were absorbed.")
      : null,
  );
}

const laterText = (ms) => (ms < 10_000 ? msText(ms) : spanText(ms));

function letters(list, notSearched) {
  const rest = notSearched ? `${count(notSearched)} letters were not looked into: there are too many.` : null;
  if (!list.length) return rest && h("p", { class: "hint" }, rest);
  return card(
    "Dead letters",
    rest && h("span", { class: "per" }, rest),
    table(
      "Dead letters of this ID",
      ["Received", "Kind", "Why"],
      list.map(({ receivedAt, source, reason }) => [ago(receivedAt), letterKind(source), prose(sentence(reason))]),
    ),
  );
}

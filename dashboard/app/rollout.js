// Which path counts: the flag in force, how far it has spread, the ramp, and every change with who and why.
import { commands, pathctl, word } from "./command.js";
import { h } from "./element.js";
import { count, countText, plural, ppmText, spanText } from "./figure.js";
import { badge, card, facts, prose, reading, sentence, table } from "./parts.js";
import { ruleText, sharesBar } from "./shares.js";
import { ago, time } from "./time.js";

const MODES = { "do-only": "Old path alone", "dual-write": "Dual write", "queue-only": "New path alone" };
const SOURCES = { history: "the history in D1", copy: "the copy in KV", "built-in": "the built-in default" };

export function rolloutPage({ sources }) {
  const [flag, document, status, history] = [
    sources.flag(),
    sources.flagDocument(),
    sources.flagStatus(),
    sources.flagHistory(),
  ];
  return [
    h("h1", { tabindex: "-1" }, "Rollout"),
    h(
      "div",
      { class: "two", "data-key": "now" },
      card(
        "In force",
        null,
        reading(flag, (data) => inForce(data, document.data?.document)),
      ),
      card("Spread", null, reading(status, spread)),
    ),
    reading(status, (data) => (data.ramp ? ramp(data.ramp, document.data?.document) : null), 2),
    card("Commands", null, reading(flag, (data) => orders(data, status.data?.ramp, history.data?.history))),
    reading(document, (data) => overrides(data.document), 1),
    card(
      "History",
      null,
      reading(history, ({ history: changes }) => changesTable(changes)),
    ),
    history.data?.stops.length ? stopsTable(history.data.stops) : null,
  ];
}

function inForce(flag, document) {
  const isThis = document?.version === flag.version;
  return [
    flag.stop ? h("p", { class: "notice bad", role: "alert" }, prose(stopText(flag.stop))) : null,
    h(
      "p",
      { class: "headline" },
      MODES[flag.mode] ?? flag.mode,
      h("span", { class: "version" }, `version ${flag.version}`),
    ),
    sharesBar(flag),
    isThis && document.reason ? h("blockquote", null, document.reason) : null,
    isThis
      ? h("p", { class: "hint" }, document.updatedBy || "somebody", ", ", time(Date.parse(document.updatedAt), "short"))
      : null,
    document?.guard
      ? h("p", { class: "hint" }, guardText(document.guard))
      : h("p", { class: "hint" }, "No guard: a failed comparison changes nothing by itself."),
  ];
}

function stopText({ id, by, reason }) {
  return `Stopped by ${by}: ${reason}. The old path alone is taken, whatever the flag says, and no change is taken, until ${id} is released.`;
}

const PLACES = [
  ["history", "D1"],
  ["object", "the object"],
  ["copy", "KV"],
];

/** Which places say that a stop holds; nothing to say while none does and all can be read. */
function stopPlaces({ holding, ...places }) {
  if (!holding.length && PLACES.every(([place]) => places[place] === false)) return null;
  const said = PLACES.map(([place, name]) => {
    const holds = places[place];
    return `${name} ${holds === null ? "can’t be read" : holds ? "has it" : "does not"}`;
  });
  return ["Stop", holding.length ? `${plural(holding.length, "stop")}: ` : "none known: ", said.join(", ")];
}

function guardText({ maxDiffPpm, minEvents, action }) {
  const what = action === "rollback" ? "goes back to the old path" : "is only reported";
  const size = `of at least ${plural(minEvents, "event")} with over ${ppmText(maxDiffPpm)} differing`;
  return `Guard: a comparison ${size} ${what}.`;
}

function spread({ newest, source, copy, inForce: here, isolates, behind, olderEvents, slowest, flagTtlMs, complete, stop }) {
  const isEverywhere = newest !== null && behind === 0 && (copy === null || copy === newest);
  return [
    h(
      "p",
      { class: "headline small" },
      isEverywhere
        ? badge(complete ? "good" : "quiet", `Version ${newest} holds everywhere${complete ? "" : ", as far as can be seen"}`)
        : badge(
            newest === null ? "bad" : "warn",
            newest === null
              ? "Neither history nor copy can be read"
              : `Version ${newest} is spreading: ${plural(behind, "isolate")} behind`,
          ),
    ),
    facts([
      ["Newest", newest === null ? "not known" : `version ${newest}, from ${SOURCES[source] ?? source}`],
      ["Copy for routers", copy === null ? "none" : `version ${copy}`],
      ["Where this was answered", `version ${here}`],
      ["Isolates seen", count(isolates.length), behind ? `, ${countText(behind)} behind` : ""],
      [
        "Events by an older version",
        count(olderEvents),
        slowest ? `, the last ${spanText(slowest)} after the change` : "",
      ],
      ["Routers read it every", spanText(flagTtlMs)],
      ...[stopPlaces(stop)].filter(Boolean),
    ]),
    complete ? null : h("p", { class: "hint" }, "Not all events could be looked at, so more isolates may be behind."),
  ];
}

const STAGES = {
  done: ["good", "All steps are taken"],
  paused: ["quiet", "Paused by a person"],
  waiting: ["good", "Going on"],
  due: ["warn", "The next step is due"],
  holding: ["warn", "Held back"],
};

/** What the next step waits for. */
function waiting({ steps, next, dueAt, state, holding }, document) {
  const step = ppmText(steps[next] ?? 0);
  const gate = "a parity report that says pass, of an hour that ended after the last step; both stores readable; no dead letters and hardly a fallback within 10 minutes";
  const since = document?.updatedAt ? [" The flag was last changed ", ago(Date.parse(document.updatedAt)), "."] : "";
  if (state === "done") return "All steps are taken: what is not sampled takes the new path.";
  if (state === "paused") return `A person has paused it before ${step}. Nothing moves until somebody resumes it.`;
  if (state === "holding") return [h("b", null, `${step} is due, and held back: `), prose(sentence(holding ?? "the gate is closed")), " It goes on by itself as soon as this has passed; cron looks each minute.", since];
  if (state === "due") return [`${step} is due: cron takes it within a minute, if the gate is open.`, since];
  return [`${step} waits for its time: it is due in ${spanText(dueAt - Date.now())}, at `, time(dueAt), `. Then it needs ${gate}.`, since];
}

const WHY = word("what you saw");

/** What to run now: to stop, to halt or take back a ramp, to go back, to end a stop. */
function orders({ stop, version }, ramp, changes) {
  const before = changes?.find((change) => change.version < version);
  const isMoving = ramp && ramp.state !== "done";
  return [
    commands([
      stop
        ? ["End the stop, and set the old path alone, so that nothing moves", pathctl(`flag release ${stop.id} --do-only --reason ${word("what was mended")}`)]
        : ["Stop: the old path alone, within 15 s, even while D1 is away", pathctl(`flag stop --reason ${WHY}`)],
      stop ? ["End the stop: the flag holds again", pathctl(`flag release ${stop.id} --reason ${word("what was mended")}`)] : null,
      isMoving && !ramp.paused ? ["Pause the ramp", pathctl(`flag ramp --pause --reason ${WHY}`)] : null,
      isMoving && ramp.paused ? ["Resume the ramp", pathctl(`flag ramp --resume --reason ${word("why it goes on")}`)] : null,
      ramp ? ["End the ramp, with share 0", pathctl(`flag ramp --back --reason ${WHY}`)] : null,
      before ? [`Go back to version ${before.version}: ${ruleText(before)}`, pathctl(`flag rollback ${before.version} --reason ${WHY}`)] : null,
      changes && !changes.length ? ["Begin: a sample on both paths, to be compared", pathctl(`flag set --mode dual-write --sample 1% --reason ${word("stage 1: sample")}`)] : null,
      ["See how far the flag has spread", pathctl("flag status")],
    ]),
    h("p", { class: "hint" }, "They need the token of an administrator in ", h("code", null, "PATHCTL_TOKEN"), ". All but the stop say what they change, and ask first."),
  ];
}

function ramp(status, document) {
  const { steps, next, everyMs, state } = status;
  const [tone, text] = STAGES[state] ?? ["quiet", state];
  const step = (ppm, n) => {
    const stage = n < next ? "taken" : n === next && state !== "done" ? "next" : "ahead";
    return h(
      "li",
      { class: stage, "aria-current": stage === "next" ? "step" : null },
      h("i", { "aria-hidden": "true" }),
      h("b", null, ppmText(ppm)),
      h("small", null, { taken: "taken", next: "next", ahead: "" }[stage]),
    );
  };
  return card(
    "Ramp",
    badge(tone, text),
    h("p", { class: state === "holding" ? "notice warn" : null, "data-key": "waiting" }, h("span", null, waiting(status, document))),
    h("ol", { class: "steps" }, steps.map(step)),
    h("p", { class: "hint" }, `The new path’s share of what is not sampled; a step every ${spanText(everyMs)}.`),
  );
}

function overrides({ overrides: list }) {
  if (!list?.length) return null;
  return card(
    "Other rules for some paths",
    h("span", { class: "per" }, "the first that matches holds"),
    table(
      "Overrides",
      ["Path", "Rule"],
      list.map((one) => [h("span", { class: "mono" }, one.path), ruleText({ samplePpm: 0, queuePpm: 0, ...one })]),
    ),
  );
}

function changesTable(changes) {
  if (!changes.length) return h("p", { class: "empty" }, "The flag was never changed: the built-in default holds.");
  const rows = changes.map((change) => [
    String(change.version),
    h("span", { class: "nowrap" }, ago(change.changedAt)),
    h("span", { class: "rule" }, ruleText(change)),
    change.updatedBy || "–",
    h("span", { class: "reason" }, change.reason || "–"),
  ]);
  return table(
    "Changes of the flag, the newest first",
    ["#Version", "When", "Rule", "Who", "Why"],
    rows,
    "history stacks",
  );
}

function stopsTable(stops) {
  const rows = stops.map(({ id, at, by, reason, released }) => [
    id,
    h("span", { class: "nowrap" }, ago(at)),
    by,
    h("span", { class: "reason" }, reason),
    released ? [h("span", { class: "nowrap" }, ago(released.at)), ` by ${released.by}: ${released.reason}`] : "holds",
  ]);
  return card(
    "Emergency stops",
    null,
    table("Emergency stops, the newest first", ["Stop", "When", "Who", "Why", "Released"], rows, "history stacks"),
  );
}

// One window's report: its verdict, the paths and events that differ, and what both paths lost.
import { h } from "./element.js";
import { count, countText, share, shareText, spanText } from "./figure.js";
import { breakable, card, facts, failed, idLink, skeleton, table } from "./parts.js";
import { rulesIn } from "./marks.js";
import { towards } from "./place.js";
import { ruleText } from "./shares.js";
import { spanOfText, time, utcText } from "./time.js";
import { allEvents, bounds, verdictBadge } from "./verdict.js";

const KINDS = {
  "only-old": "only the old store has it",
  "only-new": "only the new store has it",
  "value-differs": "values differ",
  "counted-twice": "a store counts it more than once",
};
const REASONS = {
  fallback: "a write failed, the other path took it",
  "dead-lettered": "in a dead letter",
  queued: "still on its way",
  repeat: "sent twice, each store kept another",
};
const SHOWN = 200;

export function parityWindow({ place, sources }) {
  const read = sources.parityWindow(place.window);
  const back = h("p", { class: "crumbs" }, h("a", { href: towards(place, { view: "parity" }) }, "Parity"), " / report");
  if (!read.data) {
    return [
      back,
      h("h1", { tabindex: "-1" }, "Report"),
      h("div", { class: "card" }, read.error ? failed(read.error) : skeleton("lines", 8)),
    ];
  }
  const report = read.data;
  const { window } = report;
  const history = sources.flagHistory().data;
  return [
    back,
    h(
      "h1",
      { tabindex: "-1", title: `${utcText(window.from)} – ${utcText(window.to)}` },
      spanOfText(window.from, window.to),
    ),
    h(
      "p",
      { class: "lead" },
      `${utcText(window.from)} – ${utcText(window.to)} `,
      h("button", { type: "button", class: "print", onclick: () => print() }, "Print"),
    ),
    h(
      "div",
      { class: "two", "data-key": "verdict" },
      card("Verdict", verdictBadge(report.verdict), h("p", null, `${report.summary}.`), bounds(report), madeOf(report, history)),
      card("Stores", null, sides(report)),
    ),
    paths(report, place),
    differences(report, place),
    loss(report),
  ];
}

function madeOf(report, history) {
  const { computedAt, revision, minutes, minutesDiffering, idsFetched, limitPpm, lagMs, plan } = report;
  const { writes, writesDiffering, writesUpperBound } = report;
  const { union } = report;
  const all = allEvents(report);
  const rules = rulesIn(history, report.window).map((rule) => `version ${rule.version}: ${ruleText(rule)}`);
  return facts([
    ["Events compared", count(union), ` of ${countText(all)}, `, share(union, all)],
    ["Flag in this time", rules.length ? rules.join("; ") : "not known"],
    ["Writes compared", `${countText(writes)}, ${countText(writesDiffering)} differ: below ${shareText(writesUpperBound)}`],
    ["Made", time(computedAt, "full"), `, revision ${revision}`],
    ["Limit", shareText(limitPpm / 1_000_000), `, after ${spanText(lagMs)} for stragglers`],
    ["Minutes that differ", `${countText(minutesDiffering)} of ${countText(minutes)}`],
    ["IDs fetched to find them", count(idsFetched)],
    [
      "The plan’s own figure",
      plan.differencePercent === null ? "–" : `|new − old| / old = ${shareText(plan.differencePercent / 100)}`,
    ],
  ]);
}

function sides({ old, new: fresh }) {
  const mono = (text) => h("span", { class: "mono" }, text);
  const row = (name, field, show = count) => [name, show(old[field]), show(fresh[field])];
  return table(
    "Both stores",
    ["", "#Old", "#New"],
    [
      row("Events for both", "dual"),
      row("Came as a fallback", "fallback"),
      row("Repeats absorbed", "absorbed"),
      row("Counted twice", "countedTwice"),
      row("Sum of digests", "digestSum", mono),
      row("Sum of values", "valueSum", mono),
    ],
    "dense",
  );
}

/** Why a route proves nothing by itself, though all together may. */
function whyInconclusive({ path, union, upperBound, writes, writesUpperBound }, limit) {
  if (path === "(pooled)") return "routes too small to be judged alone";
  if (upperBound >= limit) return `too few events (${countText(union)}): only below ${shareText(upperBound)} is proven`;
  return `too few writes (${countText(writes)}): only below ${shareText(writesUpperBound)} is proven`;
}

function paths({ paths: list, limitPpm, verdict }, place) {
  if (!list?.length) return card("Paths", null, h("p", { class: "empty" }, "No path had events for both stores."));
  const name = (path) =>
    path.startsWith("/") ? h("a", { href: towards(place, { view: "path", path }) }, breakable(path)) : path;
  const rows = (list ?? [])
    .slice(0, SHOWN)
    .map((one) => [
      h("span", { class: "mono" }, name(one.path)),
      [
        verdictBadge(one.verdict),
        one.verdict === "inconclusive" ? h("small", { class: "block" }, whyInconclusive(one, limitPpm / 1_000_000)) : null,
      ],
      count(one.union),
      count(one.onlyOld),
      count(one.onlyNew),
      count(one.valueDiffers),
      count(one.countedTwice),
      share(one.mismatches, one.union),
      shareText(one.upperBound),
    ]);
  return card(
    "By path",
    h("span", { class: "per" }, "the worst first"),
    table(
      "Differences by path",
      ["Path", "Verdict", "#Compared", "#Old only", "#New only", "#Values", "#Twice", "#Rate", "#Below"],
      rows,
    ),
    verdict === "pass" && list.some((one) => one.verdict === "inconclusive")
      ? h("p", { class: "hint" }, "All events together are enough to prove the limit. A route that is inconclusive has too few of its own: it counts in the whole, and fails by itself as soon as a difference is proven.")
      : null,
  );
}

function differences({ differences: list, unnamed }, place) {
  if (!list?.length && !unnamed)
    return card("Events that differ", null, h("p", { class: "empty" }, "None. Both stores hold the same events."));
  const rows = list
    .slice(0, SHOWN)
    .map(({ idempotentId, path, timestamp, kind, reason, fields }) => [
      idLink(towards(place, { view: "trace", id: idempotentId }), idempotentId),
      time(timestamp, "second"),
      h("span", { class: "mono" }, breakable(path)),
      [
        KINDS[kind] ?? kind,
        fields.map(({ field, old, new: fresh }) =>
          h("small", { class: "block" }, `${field}: `, h("del", null, old), " → ", h("ins", null, fresh)),
        ),
      ],
      reason ? (REASONS[reason] ?? reason) : h("b", { class: "unexplained" }, "unexplained"),
    ]);
  const left = (list?.length ?? 0) - rows.length + unnamed;
  return card(
    "Events that differ",
    h("span", { class: "per" }, "unexplained ones first"),
    table("Events that differ", ["ID", "At", "Path", "Difference", "Why"], rows, "stacks"),
    left > 0 ? h("p", { class: "hint" }, `And ${countText(left)} more.`) : null,
  );
}

function loss({ loss: { verdict, arrived, missing, deadLettered, rate, upperBound, unjudgedProducers, gaps } }) {
  return card(
    "Lost on both paths",
    h("span", { class: "per" }, "by the numbers that isolates give their events"),
    facts([
      ["Arrived in either store", count(arrived)],
      ["Missing in both", count(missing), missing ? `, ${shareText(rate)} without an explanation` : ""],
      ["Of them in dead letters", count(deadLettered)],
      ["Verdict", verdictBadge(verdict), `, below ${shareText(upperBound)} with 95 % confidence`],
      unjudgedProducers ? ["Isolates that can’t be judged", count(unjudgedProducers)] : null,
    ]),
    gaps?.length
      ? table(
          "Missing numbers",
          ["Isolate", "#From", "#To"],
          gaps.map(({ producer, first, last }) => [
            h("span", { class: "mono" }, producer),
            countText(first),
            countText(last),
          ]),
          "dense",
        )
      : null,
  );
}

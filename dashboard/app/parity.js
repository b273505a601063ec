// Whether both paths agree: verdicts by hour and day, and whether the next phase may begin.
import { h } from "./element.js";
import { count, share, shareText } from "./figure.js";
import { parityWindow } from "./parity_window.js";
import { badge, card, facts, reading, table } from "./parts.js";
import { towards } from "./place.js";
import { time } from "./time.js";
import { bounds, strip, stripLegend, verdictBadge, windowName } from "./verdict.js";

const [HOURS, DAYS] = [48, 30];

export function parityPage(context) {
  if (context.place.window) return parityWindow(context);
  const { place, sources } = context;
  const [hours, days] = [sources.parity("hour", HOURS), sources.parity("day", DAYS)];
  return [
    h("h1", { tabindex: "-1" }, "Parity"),
    h("p", { class: "lead" }, "Events that went to both paths, compared one by one."),
    h(
      "div",
      { class: "two", "data-key": "latest" },
      card(
        "The latest hour",
        null,
        reading(hours, ({ reports }) => latest(reports, place)),
      ),
      card(
        "The latest day",
        null,
        reading(days, ({ reports }) => latest(reports, place)),
      ),
    ),
    card(
      "Verdicts",
      stripLegend(),
      h("h3", { class: "part" }, "Hours"),
      reading(hours, ({ reports }) => strips(reports, place, { name: "hour", form: "short", cells: HOURS }), 2),
      h("h3", { class: "part" }, "Days"),
      reading(days, ({ reports }) => strips(reports, place, { name: "day", form: "utcDay", cells: DAYS }), 1),
    ),
    readiness(sources),
    card(
      "Reports",
      null,
      reading(hours, ({ reports }) => reportsTable(reports, place)),
    ),
  ];
}

function strips(reports, place, options) {
  if (!reports.length) return h("p", { class: "empty" }, `No ${options.name} was compared yet.`);
  return strip(reports, place, options);
}

function latest(reports, place) {
  const report = reports.find(({ verdict }) => verdict !== "pending") ?? reports[0];
  if (!report)
    return h("p", { class: "empty" }, "There is no report yet. Cron makes one as soon as the window closes.");
  return [
    h(
      "p",
      { class: "headline" },
      verdictBadge(report.verdict),
      h("span", { class: "version" }, time(report.window.from, report.window.kind === "day" ? "utcWeekday" : "short")),
    ),
    h("p", null, `${report.summary}.`),
    bounds(report),
    facts([
      ["Compared", count(report.union), " events"],
      ["Differ", count(report.mismatches), report.mismatches ? [", ", count(report.unexplained), " unexplained"] : ""],
      [
        "Lost on both paths",
        count(report.loss.missing),
        report.loss.missing ? ` (${shareText(report.loss.rate)})` : "",
      ],
    ]),
    h(
      "p",
      null,
      h("a", { href: towards(place, { view: "parity", window: windowName(report.window) }) }, "The whole report"),
    ),
  ];
}

function readiness(sources) {
  const read = sources.readiness();
  const said = read.data && (read.data.ready ? badge("good", "All hold") : badge("quiet", "Not yet"));
  const row = ({ title, wanted, figure, holds, source }) => [
    holds === true ? badge("good", "yes") : holds === false ? badge("bad", "no") : badge("quiet", "unknown"),
    h("span", { title: source }, title),
    wanted,
    figure ?? h("span", { class: "none" }, "not known"),
    h("span", { class: "hint" }, source),
  ];
  return card(
    "Ready for the next phase?",
    said,
    reading(
      read,
      ({ criteria }) =>
        table("Criteria", ["Holds", "Criterion", "Wanted", "Is", "Source"], criteria.map(row), "criteria stacks"),
      8,
    ),
  );
}

function reportsTable(reports, place) {
  if (!reports.length) return h("p", { class: "empty" }, "There is none yet.");
  const rows = reports
    .slice(0, 24)
    .map((report) => [
      h(
        "a",
        { class: "nowrap", href: towards(place, { view: "parity", window: windowName(report.window) }) },
        time(report.window.from, "short"),
      ),
      verdictBadge(report.verdict),
      count(report.union),
      count(report.mismatches),
      share(report.mismatches, report.union),
      report.union ? h("span", null, shareText(report.upperBound)) : "–",
      count(report.loss.missing),
    ]);
  return table("Reports by hour", ["Hour", "Verdict", "#Compared", "#Differ", "#Rate", "#Below", "#Lost"], rows);
}

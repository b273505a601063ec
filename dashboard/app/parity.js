// Whether both paths agree: verdicts by hour and day, and whether the next phase may begin.
import { command, pathctl, word } from "./command.js";
import { h } from "./element.js";
import { count, share, shareText } from "./figure.js";
import { rulesIn } from "./marks.js";
import { parityWindow } from "./parity_window.js";
import { badge, card, facts, failed, reading, table } from "./parts.js";
import { towards } from "./place.js";
import { ruleText } from "./shares.js";
import { time } from "./time.js";
import { allEvents, bounds, strip, stripLegend, verdictBadge, windowName } from "./verdict.js";

const [HOURS, DAYS] = [48, 30];

export function parityPage(context) {
  if (context.place.window) return parityWindow(context);
  const { place, sources } = context;
  const [hours, days] = [sources.parity("hour", HOURS), sources.parity("day", DAYS)];
  const history = sources.flagHistory().data;
  const isCompared = sources.flag().data?.mode === "dual-write";
  const title = [
    h("h1", { tabindex: "-1" }, "Parity"),
    h("p", { class: "lead" }, "Events that went to both paths, compared one by one."),
  ];
  if (hours.error && !hours.data && !days.data) return [title, unreadable(hours.error, place), readiness(sources)];
  const latestOf = (name, read) => card(name, null, reading(read, ({ reports }) => latest(reports, place, isCompared)));
  return [
    title,
    h("div", { class: "two", "data-key": "latest" }, latestOf("The latest hour", hours), latestOf("The latest day", days)),
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
      "Days",
      h("span", { class: "per" }, "from 00:00 UTC"),
      reading(days, ({ reports }) => reportsTable(reports, place, "utcWeekday", history)),
    ),
    card(
      "Hours",
      null,
      reading(hours, ({ reports }) => reportsTable(reports.slice(0, 24), place, "short", history)),
    ),
  ];
}

/** Where no report can be read: what that means, and where to look. */
const unreadable = (error, place) =>
  card(
    "Reports",
    null,
    failed(error),
    h("p", null, "Reports are kept in D1. Until it can be read, no hour is judged, a ramp waits, and a guard changes nothing. ", h("a", { href: towards(place, { view: "pipeline" }) }, "What is wrong with it")),
  );

function strips(reports, place, options) {
  if (!reports.length) return h("p", { class: "empty" }, `No ${options.name} was compared yet.`);
  return strip(reports, place, options);
}

/** What to do for a first report. */
function noReport(isCompared) {
  return h(
    "div",
    { class: "empty" },
    h("p", null, "There is no report yet. ", isCompared ? "Cron makes one 15 minutes after the window closes." : "No event goes to both paths, so nothing can be compared. Begin with a sample:"),
    isCompared ? null : command(pathctl(`flag set --mode dual-write --sample 1% --reason ${word("stage 1: sample")}`)),
  );
}

/** How much of all traffic a report compared. */
const compared = (report) => share(report.union, allEvents(report));

/** The flag's versions in a report's window, with their rules on hover. */
function versions(report, history) {
  const rules = rulesIn(history, report.window);
  if (!rules.length) return h("span", { class: "none" }, history?.history.length ? "none yet" : "–");
  return h("span", { class: "nowrap", title: rules.map((rule) => `version ${rule.version}: ${ruleText(rule)}`).join("; ") }, rules.map(({ version }) => `v${version}`).join(" → "));
}

function latest(reports, place, isCompared) {
  const report = reports.find(({ verdict }) => verdict !== "pending") ?? reports[0];
  if (!report) return noReport(isCompared);
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
      ["Compared", count(report.union), " events, ", compared(report), " of all"],
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

function reportsTable(reports, place, form, history) {
  if (!reports.length) return h("p", { class: "empty" }, "There is none yet.");
  const rows = reports.map((report) => [
    h(
      "a",
      { class: "nowrap", href: towards(place, { view: "parity", window: windowName(report.window) }) },
      time(report.window.from, form),
    ),
    verdictBadge(report.verdict),
    versions(report, history),
    count(report.union),
    compared(report),
    count(report.mismatches),
    share(report.mismatches, report.union),
    report.union ? h("span", null, shareText(report.upperBound)) : "–",
    count(report.loss.missing),
  ]);
  const columns = ["From", "Verdict", "Flag", "#Compared", "#Of all", "#Differ", "#Rate", "#Below", "#Lost"];
  return table(form === "short" ? "Reports by hour" : "Reports by day", columns, rows);
}

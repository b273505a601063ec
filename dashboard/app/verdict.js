// Parity's verdicts: their tones, names, and a strip of many of them.
import { h } from "./element.js";
import { plural, shareText } from "./figure.js";
import { badge } from "./parts.js";
import { towards } from "./place.js";
import { timeText } from "./time.js";

const TONES = { pass: "good", fail: "bad", inconclusive: "warn", pending: "quiet" };
const WORDS = { pass: "agrees", fail: "disagrees", inconclusive: "too few events", pending: "not closed yet" };

/** A window as the API writes it. */
export const windowName = ({ kind, from, to }) => (kind === "range" ? `range:${from}-${to}` : `${kind}:${from}`);

/** Events of a report's window in either store, of any mode: what could have been compared. */
export const allEvents = ({ union, seen: { old, new: fresh, arrived } }) => Math.max(union, arrived || Math.max(old, fresh));

export const verdictBadge = (verdict) => badge(TONES[verdict] ?? "quiet", verdict);

/** What a report says, in a line. */
export function inWords({ verdict, union, mismatches, upperBound }) {
  const counted = union
    ? `, ${mismatches} of ${plural(union, "event")} differ, below ${shareText(upperBound)}`
    : ", nothing to compare";
  return `${WORDS[verdict] ?? verdict}${counted}`;
}

/** How many windows pass between two names on the axis. */
const TICKS = { hour: 6, day: 5 };
const LENGTHS = { hour: 3_600_000, day: 86_400_000 };

/**
 * One cell to a window, from old to new up to the last that has closed, so that places are times; each leads to its
 * report. A window without one is a gap: nothing was meant for both paths, or nothing was compared.
 */
export function strip(reports, place, { name, form, cells }) {
  const step = LENGTHS[name];
  const known = new Map(reports.map((report) => [report.window.from, report]));
  const newest = Math.max(Math.floor(Date.now() / step) * step - step, ...known.keys());
  const oldest = Math.max(newest - (cells - 1) * step, Math.min(...known.keys()));
  const starts = Array.from({ length: (newest - oldest) / step + 1 }, (_, n) => oldest + n * step);
  const cell = (start, n) => {
    const report = known.get(start);
    const label = `${timeText(start, form)}: ${report ? inWords(report) : "no report"}`;
    const href = towards(place, { view: "parity", window: `${name}:${start}` });
    const tick = n % TICKS[name] ? null : timeText(start, name === "hour" && n % 24 ? "minute" : form);
    return h(
      "li",
      { "data-key": String(start) },
      report
        ? h("a", { class: `cell ${report.verdict}`, href, title: label, "aria-label": label })
        : h("span", { class: "cell gap", title: label, role: "img", "aria-label": label }),
      tick ? h("small", { "aria-hidden": "true" }, tick) : null,
    );
  };
  return h(
    "div",
    { class: `strip ${name}`, style: { "--columns": String(Math.min(starts.length, name === "hour" ? 24 : cells)) } },
    h("ol", { "aria-label": `Verdicts by ${name}` }, starts.map(cell)),
  );
}

/** What the strip's colours and shapes mean. */
export function stripLegend() {
  return h(
    "ul",
    { class: "legend" },
    Object.entries(WORDS).map(([verdict, words]) =>
      h("li", null, h("i", { class: `cell ${verdict}` }), `${verdict}: ${words}`),
    ),
    h("li", null, h("i", { class: "cell gap" }), "no report"),
  );
}

/** The mismatch rate and how sure it is, against the limit, on one scale. */
export function bounds({ rate, lowerBound, upperBound, limitPpm, union }) {
  if (!union) return null;
  const limit = limitPpm / 1_000_000;
  const top = Math.max(limit, Math.min(1, upperBound)) * 1.25;
  const at = (value) => `${Math.min(100, (value / top) * 100)}%`;
  const reach = `Between ${shareText(lowerBound)} and ${shareText(upperBound)} with 95 % confidence`;
  const text = `${reach}; the limit is ${shareText(limit)}.`;
  return h(
    "figure",
    { class: "bounds" },
    h(
      "div",
      { class: "scale", role: "img", "aria-label": text },
      h("i", { class: "reach", style: { left: at(lowerBound), right: `calc(100% - ${at(upperBound)})` } }),
      h("i", { class: "rate", style: { left: at(rate) } }),
      h("i", { class: "limit", style: { left: at(limit) } }, h("span", null, `limit ${shareText(limit)}`)),
    ),
    h("figcaption", null, text),
  );
}

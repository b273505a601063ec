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

export const verdictBadge = (verdict) => badge(TONES[verdict] ?? "quiet", verdict);

/** What a report says, in a line. */
export function inWords({ verdict, union, mismatches, upperBound }) {
  const counted = union
    ? `, ${mismatches} of ${plural(union, "event")} differ, below ${shareText(upperBound)}`
    : ", nothing to compare";
  return `${WORDS[verdict] ?? verdict}${counted}`;
}

/** One cell to a window, from old to new; each leads to its report. */
export function strip(reports, place, { name, form, cells }) {
  const inOrder = [...reports].reverse().slice(-cells);
  const cell = (report) => {
    const label = `${timeText(report.window.from, form)}: ${inWords(report)}`;
    const href = towards(place, { view: "parity", window: windowName(report.window) });
    return h(
      "li",
      { "data-key": String(report.window.from) },
      h("a", { class: `cell ${report.verdict}`, href, title: label, "aria-label": label }),
    );
  };
  const oldest = inOrder[0]?.window.from;
  const columns = String(Math.min(inOrder.length, name === "hour" ? 24 : cells));
  return h(
    "div",
    { class: `strip ${name}`, style: { "--columns": columns } },
    h("ol", { "aria-label": `Verdicts by ${name}` }, inOrder.map(cell)),
    oldest === undefined
      ? null
      : h(
          "p",
          { class: "ends", "aria-hidden": "true" },
          h("span", null, timeText(oldest, form)),
          h("span", null, timeText(inOrder.at(-1).window.from, form)),
        ),
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

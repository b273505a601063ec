// What a flag's rule means for traffic: the share of each path.
import { h } from "./element.js";
import { figure, ppmText } from "./figure.js";

const MILLION = 1_000_000;

/** The shares of a rule in ppm: of all events, those on both paths, on the new one alone and on the old one alone. */
export function sharesOf({ mode, samplePpm, queuePpm }) {
  if (mode === "do-only") return { both: 0, queue: 0, object: MILLION };
  if (mode === "queue-only") return { both: 0, queue: MILLION, object: 0 };
  const rest = MILLION - samplePpm;
  const queue = Math.round((rest * queuePpm) / MILLION);
  return { both: samplePpm, queue, object: rest - queue };
}

const PARTS = [
  { name: "object", title: "old path alone", short: "old" },
  { name: "both", title: "both paths", short: "both" },
  { name: "queue", title: "new path alone", short: "new" },
];

/** The shares as one bar, with its legend. */
export function sharesBar(rule) {
  const shares = sharesOf(rule);
  const text = PARTS.filter(({ name }) => shares[name]).map(({ name, title }) => `${ppmText(shares[name])} ${title}`);
  return h(
    "div",
    { class: "shares" },
    h(
      "div",
      { class: "split", role: "img", "aria-label": `Shares: ${text.join(", ")}` },
      PARTS.map(({ name }) =>
        h("i", { class: `to-${name}`, style: { "flex-grow": String(shares[name]) }, hidden: !shares[name] }),
      ),
    ),
    h(
      "ul",
      { class: "legend" },
      PARTS.map(({ name, title }) =>
        h(
          "li",
          null,
          h("i", { class: `swatch to-${name}` }),
          title,
          " ",
          h("b", null, figure(shares[name], ppmText(shares[name]), `${shares[name]} ppm`)),
        ),
      ),
    ),
  );
}

/** A rule in a few words. */
export function ruleText(rule) {
  if (rule.mode === "do-only") return "old path alone";
  if (rule.mode === "queue-only") return "new path alone";
  const { both, queue } = sharesOf(rule);
  if (both === MILLION) return "every event on both paths";
  return `${ppmText(both)} on both, ${ppmText(queue)} new alone`;
}

// What happened to the flag in a time: changes, emergency stops and their releases, as marks on charts and in words.
import { h } from "./element.js";
import { towards } from "./place.js";
import { ruleText } from "./shares.js";
import { time } from "./time.js";

const IN_WORDS = 4; // as many as fit beneath a chart

/** The marks between two times, from old to new: when (ms), a short label for the chart, and what it was. */
export function marksOf(history, from, to) {
  if (!history) return [];
  const changes = history.history.map(({ changedAt, version, updatedBy, ...rule }) => {
    return { at: changedAt, label: `v${version}`, text: `version ${version}, ${ruleText(rule)}, by ${updatedBy || "somebody"}` };
  });
  const stops = history.stops.flatMap(({ id, at, by, released }) => [
    { at, label: "stop", text: `${id}, an emergency stop by ${by}`, isStop: true },
    ...(released ? [{ at: released.at, label: "release", text: `${id} released by ${released.by}` }] : []),
  ]);
  return [...changes, ...stops].filter(({ at }) => at >= from && at < to).sort((a, b) => a.at - b.at);
}

/** The documents that held at some time of a window, the oldest first; none where the history is not known. */
export function rulesIn(history, { from, to }) {
  const changes = [...(history?.history ?? [])].sort((a, b) => a.changedAt - b.changedAt);
  const first = changes.findLastIndex(({ changedAt }) => changedAt <= from);
  return changes.filter(({ changedAt }, n) => n >= first && changedAt < to);
}

/** The same in words, the newest first. */
export function marksLine(marks, place) {
  if (!marks.length) return null;
  const one = ({ at, text }) => h("li", null, time(at), " ", text);
  const rest = marks.length - IN_WORDS;
  return h(
    "div",
    { class: "marks" },
    h("ul", { "aria-label": "Changes of the flag in this time" }, [...marks].reverse().slice(0, IN_WORDS).map(one)),
    rest > 0 ? h("a", { href: towards(place, { view: "rollout" }) }, `and ${rest} more`) : null,
  );
}

// Time ranges: those that end now, by name, and those between two times.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long each is, how often its figures are read anew (ms), and its name in full. */
export const RANGES = {
  "15m": { ms: 15 * MINUTE, every: 2_000, title: "the last 15 minutes" },
  "1h": { ms: HOUR, every: 2_000, title: "the last hour" },
  "6h": { ms: 6 * HOUR, every: 10_000, title: "the last 6 hours" },
  "24h": { ms: DAY, every: 20_000, title: "the last 24 hours" },
  "7d": { ms: 7 * DAY, every: 60_000, title: "the last 7 days" },
  "30d": { ms: 30 * DAY, every: 120_000, title: "the last 30 days" },
  "90d": { ms: 90 * DAY, every: 300_000, title: "the last 90 days" },
};

/** The range where the address names none. */
export const DEFAULT = "1h";

/**
 * What a place asks the API for, as parameters.
 * @param {{ range?: string, from?: number, to?: number }} place
 */
export function rangeQuery({ range, from, to }) {
  return from ? { from: String(from), to: String(to) } : { range };
}

/** How often the figures of a place are read anew, in ms. What is over hardly changes. */
export function refreshOf({ range, from, to }) {
  if (!from) return RANGES[range].every;
  return to > Date.now() ? 10_000 : 300_000;
}

/**
 * A series' points that have begun: it reaches a minute ahead. `open` is the one that still fills, if any: fewer
 * requests in it are no fall.
 */
export function begun({ points, stepMs }, readAt) {
  const end = points.findLastIndex(({ start, requests }) => start <= readAt || requests > 0) + 1;
  const open = end > 0 && points[end - 1].start + stepMs > readAt ? end - 1 : null;
  return { points: points.slice(0, end), open };
}

/** Seconds that a read's figures are about: none of them lie ahead. */
export function secondsOf({ from, to }, readAt) {
  return Math.max(1, (Math.min(to, Math.max(readAt, from + 1_000)) - from) / 1_000);
}

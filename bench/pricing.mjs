// What counts cost, by the table in `prices.json`.
import prices from "./prices.json" with { type: "json" };

/** Bytes of a queue's billing unit, and what it adds to each message of its own. */
const [UNIT_BYTES, METADATA_BYTES] = [64_000, 100];

/** Units that one operation on a message of so many bytes is billed as. */
export const queueUnits = (bytes) => Math.ceil((bytes + METADATA_BYTES) / UNIT_BYTES);

const MILLION = 1_000_000;

/** Counts per million of `events`. What has no price (messages, pages) is left out. */
export function perMillion(counts, events) {
  const priced = Object.keys(prices.perMillion).map((name) => [name, ((counts[name] ?? 0) * MILLION) / events]);
  return Object.fromEntries(priced);
}

/** USD per million events, of counts per million events. */
export function costPerMillion(counts) {
  const costs = Object.entries(counts).map(([name, count]) => (count / MILLION) * prices.perMillion[name].usd);
  return costs.reduce((sum, cost) => sum + cost, 0);
}

/** Rows written per million events, in either database. */
export const rowsWritten = (counts) => counts.objectRowsWritten + counts.d1RowsWritten;

/** Counts now, less what was counted before. */
export const since = (before, now) =>
  Object.fromEntries(Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)]));

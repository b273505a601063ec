// What counts cost, by the table in `prices.json`.
import prices from "./prices.json" with { type: "json" };

/** Bytes of a queue's billing unit, and what it adds to each message of its own. */
const [UNIT_BYTES, METADATA_BYTES] = [64_000, 100];

const MILLION = 1_000_000;

/** Units that one operation on a message of so many bytes is billed as. */
export const queueUnits = (bytes) => Math.ceil((bytes + METADATA_BYTES) / UNIT_BYTES);

/**
 * Figures per million of `events`, of a meter's counts before and after them.
 * @returns {Record<string, number>}
 */
export function figures(before, after, events) {
  const counts = Object.keys(before).filter((name) => typeof before[name] === "number");
  const each = Object.fromEntries(counts.map((name) => [name, ((after[name] - before[name]) * MILLION) / events]));
  const costs = Object.entries(prices.perMillion).map(([name, price]) => (each[name] * price.usd) / MILLION);
  const usd = costs.reduce((sum, cost) => sum + cost, 0);
  return { usd, rowsWritten: each.objectRowsWritten + each.d1RowsWritten, ...each };
}

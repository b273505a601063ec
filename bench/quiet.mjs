// Whether a machine is quiet: what its processors do besides what is measured.
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

/** Shares of the processors' time above which latencies say little. */
export const BUSY = 0.05;
export const STOLEN = 0.005;

/** Processor time since the system started, in ticks, from `/proc/stat`: all, not idle, and given to other machines. */
export function parseProcessors(stat) {
  const [user, nice, system, idle, waiting, irq, softIrq, stolen] = stat.match(/^cpu +([\d ]+)/)[1].split(" ").map(Number);
  const busy = user + nice + system + irq + softIrq;
  return { all: busy + idle + waiting + stolen, busy, stolen };
}

/** The processors' time until now; null where the system doesn't tell. */
export const processors = () => readFile("/proc/stat", "utf8").then(parseProcessors).catch(() => null);

/** What share of all processors' time between two readings was busy, and what share was stolen; null if not known. */
export function shares(before, after) {
  if (!before || !after || after.all === before.all) return null;
  const all = after.all - before.all;
  return { busy: (after.busy - before.busy) / all, stolen: (after.stolen - before.stolen) / all };
}

/** What share of the processors others keep busy, looked at for a moment in which nothing is measured; null if not known. */
export async function busyBefore(ms = 2_000) {
  const before = await processors();
  await pause(ms);
  return shares(before, await processors())?.busy ?? null;
}

/** A share as a percentage. */
export const percent = (share) => (share === null ? "unknown" : `${(100 * share).toFixed(1)} %`);

/** How quiet a machine was, in words. */
export const inShares = ({ busy, stolen }) =>
  `Before, ${percent(busy)} of the processors' time was busy; meanwhile ${percent(stolen)} went to other machines.`;

// Time of the processors: what a request costs, also on a machine that has other things to do, and whether it has.
import { readdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

/** Clock ticks a second, as Linux gives them to programs. */
const TICKS_PER_S = 100;

/** Share of busy processors above which latencies say little. */
export const BUSY = 0.05;

/** Name, parent, and ticks in user and system of a process, from its `stat`; its name may hold anything. */
export function parseStat(stat) {
  const [, name, parent, user, system] = /\((.*)\) \S (\d+) (?:\S+ ){9}(\d+) (\d+) /s.exec(stat);
  return { name, parent: Number(parent), ticks: Number(user) + Number(system) };
}

/** CPU time of this process's runtimes until now, in s; null where the system doesn't tell. */
export async function runtimeCpuS() {
  const pids = (await readdir("/proc").catch(() => [])).filter((pid) => /^\d+$/.test(pid));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => null)));
  const own = stats.filter(Boolean).map(parseStat);
  const runtimes = own.filter(({ name, parent }) => name === "workerd" && parent === process.pid);
  return runtimes.length ? runtimes.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_S : null;
}

/** Time of all processors since the system started, in ms: idle, and in all. */
function times() {
  const all = cpus().map(({ times }) => times);
  const sum = (figure) => all.reduce((total, one) => total + figure(one), 0);
  return { idle: sum(({ idle }) => idle), all: sum((one) => Object.values(one).reduce((a, b) => a + b)) };
}

/**
 * What share of the processors is busy while `act` runs; by itself, for a moment in which nothing is measured.
 * @param {() => unknown} [act]
 */
export async function busyWhile(act = () => pause(2_000)) {
  const before = times();
  await act();
  const after = times();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

/** A share as a percentage. */
export const percent = (share) => `${(100 * share).toFixed(1)} %`;

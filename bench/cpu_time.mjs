// CPU time of the runtime: what a request costs, also on a machine that has other things to do.
import { readdir, readFile } from "node:fs/promises";

/** Clock ticks a second, as Linux gives them to programs. */
const TICKS_PER_S = 100;

/** Name, parent, and ticks in user and system of a process, from its `stat`; its name may hold anything. */
export function parseStat(stat) {
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  const name = stat.slice(stat.indexOf("(") + 1, end);
  return { name, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

/** CPU time of this process's runtimes until now, in s; null where the system doesn't tell. */
export async function runtimeCpuS() {
  const pids = await readdir("/proc").catch(() => []);
  const stats = await Promise.all(
    pids.filter((pid) => /^\d+$/.test(pid)).map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => null)),
  );
  const own = stats.filter(Boolean).map(parseStat);
  const runtimes = own.filter(({ name, parent }) => name === "workerd" && parent === process.pid);
  return runtimes.length ? runtimes.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_S : null;
}

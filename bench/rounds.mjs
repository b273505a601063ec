// All variants in turn, several rounds: whatever the machine does meanwhile, it does to all of them.
import { measureGateway, measureLatency, measureThroughput } from "./measure.mjs";
import { median, medians } from "./statistics.mjs";
import { FLOORS, VARIANTS } from "./variants.mjs";

/** The order of a round: the floors first, for the others' rate depends on them; the others take turns in beginning. */
export function orderOf(round) {
  const others = Object.keys(VARIANTS).filter((name) => !FLOORS.includes(name));
  const first = round % others.length;
  return [...FLOORS, ...others.slice(first), ...others.slice(0, first)];
}

/** A young generation, and a heap, that are not full before a measurement of some seconds ends: nothing is collected. */
export const NO_COLLECTION = ["--min-semi-space-size=256", "--max-semi-space-size=256", "--initial-heap-size=3000"];

/** The latencies that are measured: with all in one process, and of the gateway alone. */
const LATENCIES = {
  here: { title: "stores here", measured: measureLatency, of: ({ open }) => open },
  gateway: { title: "stores elsewhere", measured: measureGateway, of: ({ open }) => open },
  uncollected: {
    title: "no garbage collected",
    measured: (name, options) => measureGateway(name, { ...options, over: { v8Options: NO_COLLECTION } }),
    of: ({ uncollected }) => uncollected,
  },
};

/** One variant: its throughput, and its latencies at the rate that `rateOf` makes of it. */
async function measure(name, { run, plan, rateOf, say }) {
  const found = await measureThroughput(name, { run: `${run}-closed`, plan });
  const rate = rateOf(found.perSecond);
  say(
    `${name}: ${Math.round(found.perSecond)}/s, ${Math.round(found.cpuUs)} µs of CPU, ` +
      `stored after ${found.drainS.toFixed(1)} s; latencies at ${Math.round(rate)}/s`,
  );
  for (const [where, { title, measured, of }] of Object.entries(LATENCIES)) {
    // Where it can't keep up, a queue grows, and a longer measurement only shows a longer one.
    const times = found.perSecond > rate ? of(plan) : plan.behind;
    found[where] = await measured(name, { run: `${run}-${where}`, plan, rate, times });
    const { latency, keptUp, merged, complaints } = found[where];
    say(`  ${title}: p50 ${latency.p50.toFixed(2)} ms, p99 ${latency.p99.toFixed(2)} ms${keptUp ? "" : ", too slow"}`);
    found.merged += merged;
    found.complaints.push(...complaints.map((complaint) => `${title}: ${complaint}`));
  }
  for (const complaint of found.complaints) say(`  ${complaint}`);
  return { ...found, rate };
}

/** Runs the rounds; gives for each variant its measurements in order. */
export async function runRounds({ run, plan, say, names = null }) {
  const measured = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const name of orderOf(round).filter((name) => !names || names.includes(name))) {
      const rateOf = (perSecond) => (name === "floor_rust" ? perSecond : measured.floor_rust[round].perSecond) / 2;
      const saying = (line) => say(line.startsWith(" ") ? line : `round ${round + 1} ${line}`);
      measured[name].push(await measure(name, { run: `${run}-${round}-${name}`, plan, rateOf, say: saying }));
    }
  }
  return measured;
}

const each = (measured, figure) =>
  Object.fromEntries(Object.entries(measured).map(([name, rounds]) => [name, figure(rounds)]));

export const throughputs = (measured) =>
  each(measured, (rounds) => Math.round(median(rounds.map(({ perSecond }) => perSecond))));

/** CPU time of the runtime for one request, storing included, in µs. */
export const cpuTimes = (measured) => each(measured, (rounds) => median(rounds.map(({ cpuUs }) => cpuUs)));

/** Latencies, `where` they were measured. */
export const latencies = (measured, where = "here") =>
  each(measured, (rounds) => {
    const { p50, p99 } = medians(rounds.map((found) => found[where].latency));
    return { p50: Number(p50.toFixed(3)), p99: Number(p99.toFixed(3)) };
  });

/** The median over rounds of what `figure` makes of two variants in the same round. */
export const paired = (measured, a, b, figure) =>
  median(measured[a].map((one, round) => figure(one, measured[b][round])));

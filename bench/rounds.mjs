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

/** Throughput of all variants in this order. */
async function throughputOf(order, { run, plan, say }) {
  const found = {};
  for (const name of order) {
    found[name] = await measureThroughput(name, { run: `${run}-closed-${name}`, plan });
    const { perSecond, cpuUs, drainS } = found[name];
    say(`${name}: ${Math.round(perSecond)}/s, ${Math.round(cpuUs)} µs of CPU, stored after ${drainS.toFixed(1)} s`);
  }
  return found;
}

/** Adds to what was `found` of the variants their latencies at half of the floor's throughput. */
async function addLatencies(found, where, { run, plan, say }) {
  const { title, measured, of } = LATENCIES[where];
  const rate = found.floor_rust.perSecond / 2;
  const slow = (name) => found[name].perSecond <= rate;
  // Where it can't keep up, a queue grows: a longer measurement only shows a longer one, and others show nothing else.
  for (const name of Object.keys(found).filter((name) => where === "here" || !slow(name))) {
    const times = slow(name) ? plan.behind : of(plan);
    const one = await measured(name, { run: `${run}-${where}-${name}`, plan, rate, times });
    const { latency, keptUp, merged, complaints } = one;
    const [p50, p99] = [latency.p50, latency.p99].map((ms) => ms.toFixed(2));
    say(`${name} at ${Math.round(rate)}/s, ${title}: p50 ${p50} ms, p99 ${p99} ms${keptUp ? "" : ", too slow"}`);
    found[name][where] = one;
    found[name].merged += merged;
    found[name].complaints.push(...complaints.map((complaint) => `${title}: ${complaint}`));
  }
}

/**
 * Runs the rounds; gives for each variant its measurements in order. What is compared is measured one right after the
 * other: a machine changes its pace within minutes.
 */
export async function runRounds({ run, plan, say }) {
  const measured = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    const inRound = { run: `${run}-${round}`, plan, say: (line) => say(`round ${round + 1} ${line}`) };
    const found = await throughputOf(orderOf(round), inRound);
    for (const where of Object.keys(LATENCIES)) await addLatencies(found, where, inRound);
    for (const [name, one] of Object.entries(found)) {
      measured[name].push(one);
      for (const complaint of one.complaints) say(`  ${name}: ${complaint}`);
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

/** Latencies, `where` they were measured; null where they were not, in any round. */
export const latencies = (measured, where = "here") =>
  each(measured, (rounds) => {
    const { p50 = null, p99 = null } = medians(rounds.flatMap((found) => found[where]?.latency ?? []));
    return p50 === null ? null : { p50: Number(p50.toFixed(3)), p99: Number(p99.toFixed(3)) };
  });

/** The median over rounds of what `figure` makes of two variants in the same round. */
export const paired = (measured, a, b, figure) =>
  median(measured[a].map((one, round) => figure(one, measured[b][round])));

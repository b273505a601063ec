// All variants in turn, several rounds: whatever the machine does meanwhile, it does to all of them.
import { measure, measureGateway } from "./measure.mjs";
import { median, medians } from "./statistics.mjs";
import { FLOORS, VARIANTS } from "./variants.mjs";

/** The order of a round: the floors first, for the others' rate depends on them; the others take turns in beginning. */
export function orderOf(round) {
  const others = Object.keys(VARIANTS).filter((name) => !FLOORS.includes(name));
  const first = round % others.length;
  return [...FLOORS, ...others.slice(first), ...others.slice(0, first)];
}

const inMs = ({ p50, p99 }) => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;

/** Runs the rounds; gives for each variant its measurements in order. */
export async function runRounds({ run, plan, say, names = null }) {
  const measured = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const name of orderOf(round).filter((name) => !names || names.includes(name))) {
      const of = { run: `${run}-${round}-${name}`, plan };
      const rateOf = (perSecond) => (name === "floor_rust" ? perSecond : measured.floor_rust[round].perSecond) / 2;
      const found = await measure(name, { ...of, rateOf });
      const gateway = await measureGateway(name, { ...of, rate: found.rate, times: found.times });
      found.complaints.push(...gateway.complaints.map((complaint) => `stores elsewhere: ${complaint}`));
      measured[name].push({ ...found, gateway });
      const [perSecond, cpuUs] = [found.perSecond, found.cpuUs].map(Math.round);
      say(`round ${round + 1} ${name}: ${perSecond}/s, ${cpuUs} µs of CPU, stored after ${found.drainS.toFixed(1)} s`);
      say(`  at ${Math.round(found.rate)}/s: ${inMs(found.latency)}${found.keptUp ? "" : ", could not keep up"}`);
      say(`  stores elsewhere: ${inMs(gateway.latency)}${gateway.keptUp ? "" : ", could not keep up"}`);
      for (const complaint of found.complaints) say(`  ${complaint}`);
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

/** Latencies of what `part` takes from a measurement. */
export const latencies = (measured, part = (found) => found) =>
  each(measured, (rounds) => {
    const { p50, p99 } = medians(rounds.map((found) => part(found).latency));
    return { p50: Number(p50.toFixed(3)), p99: Number(p99.toFixed(3)) };
  });

/** The median over rounds of what `figure` makes of two variants in the same round. */
export const paired = (measured, a, b, figure) =>
  median(measured[a].map((one, round) => figure(one, measured[b][round])));

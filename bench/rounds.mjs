// All variants in turn, several rounds: whatever the machine does meanwhile, it does to all of them.
import { measure } from "./measure.mjs";
import { median, medians } from "./statistics.mjs";
import { FLOORS, VARIANTS } from "./variants.mjs";

/** The order of a round: the floors first, for the others' rate depends on them; the others take turns in beginning. */
export function orderOf(round) {
  const others = Object.keys(VARIANTS).filter((name) => !FLOORS.includes(name));
  const first = round % others.length;
  return [...FLOORS, ...others.slice(first), ...others.slice(0, first)];
}

/** Runs the rounds; gives for each variant its measurements in order. */
export async function runRounds({ run, plan, say }) {
  const measured = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const name of orderOf(round)) {
      const rateOf = (perSecond) => (name === "floor_rust" ? perSecond : measured.floor_rust[round].perSecond) / 2;
      const found = await measure(name, { run: `${run}-${round}-${name}`, plan, rateOf });
      measured[name].push(found);
      const { perSecond, rate, latency, keptUp, drainS } = found;
      const times = `p50 ${latency.p50.toFixed(2)} ms, p99 ${latency.p99.toFixed(2)} ms at ${Math.round(rate)}/s`;
      say(`round ${round + 1} ${name}: ${Math.round(perSecond)}/s, stored after ${drainS.toFixed(1)} s; ${times}`);
      if (!keptUp) say(`  ${name} could not keep up with that rate`);
      for (const complaint of found.complaints) say(`  ${name}: ${complaint}`);
    }
  }
  return measured;
}

const each = (measured, figure) =>
  Object.fromEntries(Object.entries(measured).map(([name, rounds]) => [name, figure(rounds)]));

export const throughputs = (measured) =>
  each(measured, (rounds) => Math.round(median(rounds.map(({ perSecond }) => perSecond))));

export const latencies = (measured) =>
  each(measured, (rounds) => {
    const { p50, p99 } = medians(rounds.map(({ latency }) => latency));
    return { p50: Number(p50.toFixed(3)), p99: Number(p99.toFixed(3)) };
  });

/** The median over rounds of what `figure` makes of two variants in the same round. */
export const paired = (measured, a, b, figure) =>
  median(measured[a].map((one, round) => figure(one, measured[b][round])));

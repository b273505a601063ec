// All variants in turn, several rounds: whatever the machine does meanwhile, it does to all of them.
import { measureLoop } from "./measure.mjs";
import { median } from "./statistics.mjs";
import { VARIANTS } from "./variants.mjs";

/** The order of a round: another variant begins each, so that none always has the machine at its coolest. */
export function orderOf(round) {
  const names = Object.keys(VARIANTS);
  const first = round % names.length;
  return [...names.slice(first), ...names.slice(0, first)];
}

/**
 * Runs the rounds; gives for each variant its measurements `{ closed, open }` in order. What is compared is measured
 * one right after the other: a machine changes its pace within minutes.
 */
export async function runRounds({ run, plan, say }) {
  const measured = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const loop of ["closed", "open"]) {
      for (const name of orderOf(round)) {
        const found = await measureLoop(name, loop, { run: `${run}-${round}-${name}`, plan });
        say(`round ${round + 1}, ${loop} loop, ${name}: ${JSON.stringify(found)}`);
        measured[name][round] = { ...measured[name][round], [loop]: found };
      }
    }
  }
  return measured;
}

/** The median over rounds of what `figure` makes of two variants in the same round. */
export const paired = (measured, a, b, figure) =>
  median(measured[a].map((one, round) => figure(one, measured[b][round])));

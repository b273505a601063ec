// What a variant costs the operator: a run under the meter at a given rate.
import { setTimeout as pause } from "node:timers/promises";

import { load } from "./load.mjs";
import { measure } from "./measure.mjs";
import { figures } from "./pricing.mjs";
import { LINGER_MS } from "./settings.mjs";
import { percentile } from "./statistics.mjs";
import { METERED, VARIANTS } from "./variants.mjs";

/** How long after the last event an object's own work (folding) is done, in ms. */
const OBJECT_ALARM_MS = 16_000;

/** The new path with its requests spread over so many isolates. */
const ISOLATES = 20;
export const SPREAD = `ours_queue from ${ISOLATES} isolates`;

/**
 * With this setting one isolate sends as many messages as those would together: each has a buffer of its own, which is
 * sent so long after its first event. What else each of them does is not in it: they read the flag.
 */
function spreadVars(perSecond) {
  const eventsMeanwhile = ((perSecond / ISOLATES) * LINGER_MS) / 1_000;
  return { ...VARIANTS.ours_queue.vars, FLUSH_EVENTS: String(1 + Math.floor(eventsMeanwhile)) };
}

/** Runs a variant, or `SPREAD`, for as long as the plan has it, cron included; gives figures per million events. */
export function cost(name, { run, plan }) {
  const { perSecond, seconds } = plan.cost;
  const variant = name === SPREAD ? "ours_queue" : name;
  const over = name === SPREAD ? { ...METERED, vars: spreadVars(perSecond) } : METERED;
  let before;
  const after = async (gateway, { sent }) => {
    if (VARIANTS[variant].flag.mode !== "queue-only") await pause(OBJECT_ALARM_MS);
    // Once a minute, as cron comes.
    for (let minute = 0; minute < seconds; minute += 60) await gateway.cron();
    const now = await gateway.read("/_meter");
    const sends = now.sendTimes.sort((a, b) => a - b);
    return { ...figures(before, now, sent), queueSendMs: { p50: percentile(sends, 50), p99: percentile(sends, 99) } };
  };
  return measure(variant, { plan, over, after }, async (gateway) => {
    before = await gateway.read("/_meter");
    return load("open", { url: gateway.url, run, perSecond, seconds });
  });
}

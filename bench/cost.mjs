// What a variant costs the operator: a run under the meter at a given rate.
import { setTimeout as pause } from "node:timers/promises";

import { load } from "./load.mjs";
import { costPerMillion, perMillion, rowsWritten, since } from "./pricing.mjs";
import { settle } from "./stored.mjs";
import { startVariant, VARIANTS } from "./variants.mjs";

/** How long after the last event an object's own work (folding) is done, in s. */
const OBJECT_ALARM_S = 16;

/** Figures of counts per million events. */
export function figures(counts) {
  return {
    counts,
    costUsdPerMillion: costPerMillion(counts),
    rowsWrittenPerMillion: rowsWritten(counts),
    queueOpsPerMillion: counts.queueOperations,
  };
}

/** Runs a variant at `perSecond` for `seconds`, cron included, and gives its figures and complaints. */
export async function cost(name, { run, perSecond, seconds, batchTimeoutS, patienceMs }) {
  const { metered, count, stores, alike, flag } = VARIANTS[name];
  const gateway = await startVariant(name, { ...metered, batchTimeoutS });
  try {
    const before = await gateway.read("/_meter");
    const { sent, failed } = await load("open", { url: String(gateway.url), run, perSecond, seconds });
    const same = () => alike([{ run, sent }]);
    const settled = await settle({ count: () => count(gateway), sent, stores, alike: same, patienceMs });
    if (flag.mode !== "queue-only") await pause(OBJECT_ALARM_S * 1_000);
    // Once a minute, as cron comes.
    for (let minute = 0; minute < seconds; minute += 60) await gateway.read("/_meter/scheduled", { method: "POST" });
    const after = await gateway.read("/_meter");
    const complaints = [failed && `${failed} requests failed`, settled.complaint].filter(Boolean);
    return { ...figures(perMillion(since(before, after), sent)), sent, merged: settled.merged, complaints };
  } finally {
    await gateway.stop();
  }
}

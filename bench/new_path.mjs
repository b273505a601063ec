// The new path's consumer by itself, in the real runtime: how long a batch takes.
import { measure } from "./measure.mjs";
import { eventOf, messageOf } from "./requests.mjs";
import { median } from "./statistics.mjs";
import { METERED } from "./variants.mjs";

const [MESSAGES, EVENTS] = [100, 50];

/** Median time of a batch of 100 messages with 50 events each, of `plan.consumerRounds`, in ms. */
export const consumerTime = ({ run, plan }) =>
  measure("ours_queue", { plan, over: METERED }, async (gateway) => {
    const times = [];
    let sent = 0;
    const message = () => messageOf(Array.from({ length: EVENTS }, () => eventOf(run, sent++, Date.now())));
    for (let round = 0; round < plan.consumerRounds; round += 1) {
      const body = JSON.stringify(Array.from({ length: MESSAGES }, message));
      const { ms, retried } = await gateway.read("/_meter/queue", { method: "POST", body });
      if (retried) throw new Error(`the consumer refused ${retried} of ${MESSAGES} messages: ${gateway.errors}`);
      times.push(ms);
    }
    return { sent, ms: median(times), times };
  });

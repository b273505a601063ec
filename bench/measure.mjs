// One variant, once: its throughput, then its latency at a given rate, and after each whether all was stored.
import { load } from "./load.mjs";
import { settle } from "./stored.mjs";
import { startVariant, VARIANTS } from "./variants.mjs";

/**
 * Gives `{ perSecond, drainS, latency, complaints }`. `rateOf(perSecond)` says at which rate latency is measured, from
 * the throughput just measured. `over` replaces parts of the variant.
 */
export async function measure(name, { run, plan, rateOf, over = {} }) {
  const { count, stores } = { ...VARIANTS[name], ...over };
  const gateway = await startVariant(name, { batchTimeoutS: plan.batchTimeoutS, ...over });
  const complaints = [];
  let sent = 0;
  const checked = async (loop, options) => {
    const result = await load(loop, { url: String(gateway.url), run: `${run}-${loop}`, ...options });
    sent += result.sent;
    if (result.failed) complaints.push(`${loop} loop: ${result.failed} requests failed`);
    if (!stores) return { ...result, drainS: 0 };
    const settled = await settle({ count: () => count(gateway), sent, stores, patienceMs: plan.patienceMs });
    if (settled.complaint) complaints.push(`after the ${loop} loop: ${settled.complaint}`);
    return { ...result, drainS: settled.seconds };
  };
  try {
    const { warmUpS, seconds, connections } = plan;
    const closed = await checked("closed", { connections, warmUpS, seconds });
    const perSecond = rateOf(closed.perSecond);
    const open = await checked("open", { perSecond, warmUpS, seconds });
    return {
      perSecond: closed.perSecond,
      drainS: closed.drainS,
      rate: perSecond,
      latency: open.latency,
      // The schedule ends when it was to end, unless the gateway can't keep up with it.
      keptUp: open.seconds < (warmUpS + seconds) * 1.05 + 0.1,
      sent,
      complaints,
    };
  } finally {
    await gateway.stop();
  }
}

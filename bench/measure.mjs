// One variant, once: starts it, loads it, waits until all is stored, and stops it.
import { load } from "./load.mjs";
import { runtimeCpuS } from "./processors.mjs";
import { settle } from "./stored.mjs";
import { startVariant, VARIANTS } from "./variants.mjs";

/**
 * `act` is given a gateway and gives what it `sent`, and more, to which is added: the runtime's CPU time for an event,
 * how long storing took after it, what `after` gives, and complaints. `over` replaces parts of the variant.
 * @param {string} name
 * @param {{ plan: any, over?: object, after?: (gateway: any, result: any) => object }} options
 * @param {(gateway: any) => Promise<any>} act
 */
export async function measure(name, { plan, over = {}, after = () => ({}) }, act) {
  const { count, stores } = VARIANTS[name];
  const gateway = await startVariant(name, { batchTimeoutS: plan.batchTimeoutS, ...over });
  try {
    const before = await runtimeCpuS();
    const result = await act(gateway);
    const { sent, failed } = result;
    const { complaint, drainS } = await settle(() => count(gateway), { sent, stores, patienceMs: plan.patienceMs });
    // Until all is stored: consumer, D1 and object are in it.
    const cpuUs = before === null ? null : (((await runtimeCpuS()) - before) * 1e6) / sent;
    const complaints = failed ? [`${failed} requests failed`] : [];
    if (complaint) complaints.push(complaint, ...gateway.errors);
    return { name, ...result, cpuUs, drainS, complaints, ...(await after(gateway, result)) };
  } finally {
    await gateway.stop();
  }
}

/** Throughput of a closed loop, or latency of an open one. */
export const measureLoop = (name, loop, { run, plan, over = {} }) =>
  measure(name, { plan, over }, ({ url }) => load(loop, { url, run, ...plan[loop] }));

/** The first answers of so many new isolates, each in a new process, in ms. */
export async function measureStart(name, times) {
  const found = [];
  // One more, whose time is that of this process's own first request.
  for (let n = 0; n <= times; n += 1) {
    const gateway = await startVariant(name);
    const began = performance.now();
    await (await fetch(gateway.url)).text();
    found.push(performance.now() - began);
    await gateway.stop();
  }
  return found.slice(1);
}

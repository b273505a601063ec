// One variant, once: its throughput, or its latency at a given rate, and after each whether all was stored.
import { runtimeCpuS } from "./cpu_time.mjs";
import { startStores } from "./elsewhere/stores.mjs";
import { load } from "./load.mjs";
import { settle } from "./stored.mjs";
import { startVariant, VARIANTS } from "./variants.mjs";

/** A gateway under load, all of whose requests are counted. */
class Measured {
  #gateway;
  #count;
  #stores;
  #alike;
  #plan;
  #run;
  #loads = [];
  complaints = [];
  merged = 0;

  constructor({ gateway, count, stores, alike, plan, run }) {
    this.#gateway = gateway;
    this.#count = count;
    this.#stores = stores;
    this.#alike = alike;
    this.#plan = plan;
    this.#run = run;
  }

  /** Requests of all its loads. */
  get sent() {
    return this.#loads.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Loads it, and waits until all is stored. */
  async load(loop, options) {
    const run = `${this.#run}-${loop}`;
    const result = await load(loop, { url: String(this.#gateway.url), run, ...options });
    this.#loads.push({ run, sent: result.sent });
    if (result.failed) this.complaints.push(`${loop} loop: ${result.failed} requests failed`);
    if (!this.#stores) return { ...result, drainS: 0 };
    const settled = await settle({
      count: () => this.#count(this.#gateway),
      sent: this.sent,
      stores: this.#stores,
      alike: () => this.#alike(this.#loads),
      patienceMs: this.#plan.patienceMs,
    });
    this.merged = settled.merged;
    const { errors } = this.#gateway;
    if (settled.complaint) this.complaints.push(`after the ${loop} loop: ${settled.complaint}`, ...errors);
    return { ...result, drainS: settled.seconds };
  }
}

/** Starts a variant, does with it what `act` does, and stops it. */
async function withVariant(name, { run, plan, over }, act) {
  const { count, stores, alike } = { ...VARIANTS[name], ...over };
  const gateway = await startVariant(name, { batchTimeoutS: plan.batchTimeoutS, ...over });
  try {
    return await act(new Measured({ gateway, count, stores, alike, plan, run }));
  } finally {
    await gateway.stop();
  }
}

/**
 * Gives throughput and CPU time, and complaints of what was not stored once. `over` replaces parts of the variant.
 */
export function measureThroughput(name, { run, plan, over = {} }) {
  return withVariant(name, { run, plan, over }, async (gateway) => {
    const before = await runtimeCpuS();
    const { connections, closed } = plan;
    const { perSecond, drainS, sent: requests } = await gateway.load("closed", { connections, ...closed });
    // Until all is stored: consumer, D1 and object are in it.
    const cpuUs = before === null ? null : (((await runtimeCpuS()) - before) * 1e6) / requests;
    const { sent, merged, complaints } = gateway;
    return { perSecond, cpuUs, drainS, sent, merged, complaints };
  });
}

/** Gives the latency at `rate`, for these `times`, and complaints of what was not stored once. */
export function measureLatency(name, { run, plan, rate, times, over = {} }) {
  return withVariant(name, { run, plan, over }, async (gateway) => {
    const { latency, seconds } = await gateway.load("open", { perSecond: rate, ...times });
    // The schedule ends when it was to end, unless the gateway can't keep up with it.
    const keptUp = seconds < (times.warmUpS + times.seconds) * 1.05 + 0.1;
    const { sent, merged, complaints } = gateway;
    return { latency, keptUp, sent, merged, complaints };
  });
}

/** The same where queue, consumer and object are elsewhere, as they are on the platform. */
export async function measureGateway(name, { over = {}, ...options }) {
  const stores = await startStores();
  const count = async () => {
    const copies = await stores.copies();
    return { copies, events: copies / VARIANTS[name].stores };
  };
  // The stand-in tells no requests apart.
  const replaced = { ...VARIANTS[name].elsewhere, storesAddress: stores.address, count, alike: () => 0, ...over };
  try {
    return await measureLatency(name, { ...options, over: replaced });
  } finally {
    stores.stop();
  }
}

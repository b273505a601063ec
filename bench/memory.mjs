// Does the gateway's memory stay flat? Its isolate's live heap and its WebAssembly pages, sampled over many requests.
import { setTimeout as pause } from "node:timers/promises";

import { inspect } from "./inspector.mjs";
import { load } from "./load.mjs";
import { isFlat, quarters } from "./statistics.mjs";
import { settle } from "./stored.mjs";
import { startVariant, VARIANTS } from "./variants.mjs";

const SAMPLE_EVERY_MS = 250;

/** Cron comes this often, so that the run sees many of its rounds. */
const CRON_EVERY_MS = 5_000;

/** The ID window. Writers remember a few windows, and a run of minutes must pass as many of them as a day does. */
const ID_WINDOW_MS = "1000";

/**
 * Loads our gateway with so many requests, after others that fill what is bounded (sketches, windows, buffers), and
 * samples. Both paths are in use: dual-write.
 */
export async function memory({ run, warmUp, requests, perSecond, batchTimeoutS }) {
  const name = "ours_dual";
  const { metered, count, stores, vars } = VARIANTS[name];
  const inspectorPort = 20_000 + Math.floor(Math.random() * 20_000);
  const gateway = await startVariant(name, {
    ...metered,
    vars: { ...vars, ID_WINDOW_MS },
    batchTimeoutS,
    inspectorPort,
  });
  try {
    // Before the first request there is no isolate to look into.
    const url = String(gateway.url);
    const first = await load("closed", { url, run: `${run}-first`, connections: 1, requests: 100 });
    const inspector = await inspect(inspectorPort, "gateway");
    let [heap, pages] = [[], []];
    let loaded = null;
    const options = { url, run, perSecond, seconds: (warmUp + requests) / perSecond };
    const loading = load("open", options).then((all) => (loaded = all));
    let cronAt = performance.now();
    while (!loaded) {
      if (performance.now() >= cronAt) {
        cronAt += CRON_EVERY_MS;
        await gateway.read("/_meter/scheduled", { method: "POST" });
      }
      heap.push(await inspector.liveHeapBytes());
      pages.push((await gateway.read("/_meter")).wasmPages);
      await Promise.race([pause(SAMPLE_EVERY_MS), loading]);
    }
    inspector.close();
    const settled = await settle({ count: () => count(gateway), sent: first.sent + loaded.sent, stores });
    const warm = Math.floor((heap.length * warmUp) / (warmUp + requests));
    [heap, pages] = [heap, pages].map((samples) => samples.slice(warm));
    return {
      requests: loaded.sent - warmUp,
      samples: heap.length,
      heapFlat: isFlat(heap),
      wasmFlat: isFlat(pages),
      flat: isFlat(heap) && isFlat(pages),
      heapMb: quarters(heap).map((bytes) => Number((bytes / 1e6).toFixed(2))),
      wasmPages: quarters(pages),
      complaints: settled.complaint ? [settled.complaint] : [],
    };
  } finally {
    await gateway.stop();
  }
}

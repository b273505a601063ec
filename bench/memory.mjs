// Does the gateway's memory stay flat? Its isolate's live heap and its WebAssembly pages, sampled over many requests.
import { setTimeout as pause } from "node:timers/promises";

import { load } from "./load.mjs";
import { measure } from "./measure.mjs";
import { isFlat, quarters } from "./statistics.mjs";
import { METERED, VARIANTS } from "./variants.mjs";

const SAMPLE_EVERY_MS = 250;

/** Cron comes this often, so that the run sees many of its rounds. */
const CRON_EVERY_MS = 5_000;

/** The ID window. Writers remember a few windows, and a run of minutes must pass as many of them as a day does. */
const ID_WINDOW_MS = "1000";

/** Both paths are in use: dual-write. */
const NAME = "ours_dual";

/** Connects to the gateway's isolate by the runtime's inspector; `call(method)` resolves to its result. */
async function inspect(port) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const { webSocketDebuggerUrl } = targets.find(({ id, title }) => `${id} ${title}`.includes("gateway"));
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const call = (method) => {
    socket.send(JSON.stringify({ id: 1, method }));
    return new Promise((resolve) => {
      // Events of the inspector have no ID; it is asked one thing at a time.
      socket.onmessage = ({ data }) => JSON.parse(data).id && resolve(JSON.parse(data).result);
    });
  };
  return { call, close: () => socket.close() };
}

/** Samples a gateway until `loading` is done; gives bytes of its live heap, and pages. */
async function sample(gateway, inspector, loading) {
  const [heap, pages] = [[], []];
  let done = false;
  loading.finally(() => (done = true));
  for (let cronAt = 0; !done; ) {
    if (performance.now() >= cronAt) {
      cronAt = performance.now() + CRON_EVERY_MS;
      await gateway.cron();
    }
    await inspector.call("HeapProfiler.collectGarbage");
    heap.push((await inspector.call("Runtime.getHeapUsage")).usedSize);
    pages.push((await gateway.read("/_meter")).wasmPages);
    await Promise.race([pause(SAMPLE_EVERY_MS), loading]);
  }
  return { heap, pages };
}

/** Loads our gateway with so many requests, after others that fill what is bounded (sketches, windows, buffers). */
export function memory({ run, plan }) {
  const { warmUp, requests, perSecond } = plan.memory;
  const inspectorPort = 20_000 + Math.floor(Math.random() * 20_000);
  const over = { ...METERED, vars: { ...VARIANTS[NAME].vars, ID_WINDOW_MS }, inspectorPort };
  return measure(NAME, { plan, over }, async (gateway) => {
    const { url } = gateway;
    // Before the first request there is no isolate to look into.
    const first = await load("closed", { url, run: `${run}-first`, connections: 1, requests: 100 });
    const inspector = await inspect(inspectorPort);
    const loading = load("open", { url, run, perSecond, seconds: (warmUp + requests) / perSecond });
    const samples = await sample(gateway, inspector, loading);
    inspector.close();
    const { sent, failed } = await loading;
    const [heap, pages] = [samples.heap, samples.pages].map((all) =>
      all.slice(Math.floor((all.length * warmUp) / (warmUp + requests))),
    );
    const figures = { requests, samples: heap.length, flat: isFlat(heap) && isFlat(pages) };
    const inQuarters = { heapMb: quarters(heap).map((bytes) => bytes / 1e6), wasmPages: quarters(pages) };
    return { sent: first.sent + sent, failed: first.failed + failed, ...figures, ...inQuarters };
  });
}

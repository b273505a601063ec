// A Worker under the meter. Its routes: `/_meter` gives the counts; a POST to `/_meter/queue` hands it a batch as the
// platform does, and one to `/_meter/scheduled` wakes it as cron does.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

// Before the Worker, which makes its WebAssembly instance when it is imported.
import { wasmPages } from "./wasm_memory.mjs";
// Any Worker: "gateway" stands for it until it is bundled (`runtime.mjs`).
import * as gateway from "gateway";
import { countDelivery, meter, meteredEnv, meterStorage, sendTimes } from "./meter.mjs";

export class PathCollector extends DurableObject {
  #inner;
  #settle;

  constructor(ctx, env) {
    super(ctx, env);
    this.#settle = meterStorage(ctx);
    this.#inner = new gateway.PathCollector(ctx, env);
  }

  async fetch(request) {
    const response = await this.#inner.fetch(request);
    // Only the bench reads.
    this.#settle(request.method !== "GET");
    return response;
  }

  async alarm(info) {
    await this.#inner.alarm(info);
    this.#settle(true);
  }

  record(event) {
    this.#inner.record(event);
    this.#settle(true);
  }

  requests() {
    return this.#inner.requests();
  }
}

/** The Worker's handlers for one event; it is a class or an object. */
function handlersOf(ctx, env) {
  const { default: worker } = gateway;
  if (typeof worker === "function") return new worker(ctx, env);
  return { fetch: (request) => worker.fetch(request, env, ctx), queue: (batch) => worker.queue(batch, env, ctx) };
}

export default class Metered extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/_meter":
        return Response.json({ ...meter, wasmPages: wasmPages(), sendTimes });
      case "/_meter/queue":
        return Response.json(await this.#deliver(await request.json()));
      case "/_meter/scheduled":
        await this.#metered().scheduled?.({ cron: "* * * * *", scheduledTime: Date.now() });
        return Response.json({});
    }
    // Only the bench reads a collector's own routes.
    const free = /^\/_(collector|baseline)\//.test(pathname);
    return (free ? handlersOf(this.ctx, this.env) : this.#metered()).fetch(request);
  }

  queue(batch) {
    countDelivery(batch);
    return this.#metered().queue(batch);
  }

  #metered() {
    return handlersOf(this.ctx, meteredEnv(this.env));
  }

  /** Hands messages to the consumer; gives how long that took in ms, and how many were not acknowledged. */
  async #deliver(bodies) {
    let retried = 0;
    const retry = () => {
      retried += 1;
    };
    const common = { timestamp: new Date(), attempts: 1, ack() {}, retry };
    const messages = bodies.map((body) => ({ ...common, id: crypto.randomUUID(), body }));
    const batch = { queue: "traffic-events", messages, ackAll() {}, retryAll: () => messages.forEach(retry) };
    const started = performance.now();
    await this.queue(batch);
    return { ms: performance.now() - started, retried };
  }
}

// The built Worker under the meter.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

// Before the Worker, which makes its WebAssembly instance when it is imported.
import { wasmPages } from "./wasm_memory.mjs";
import Worker, { PathCollector as BuiltPathCollector } from "../../build/index.js";
import { countDelivery, meteredEnv, meterStorage } from "./meter.mjs";
import { meterRoute } from "./routes.mjs";

export class PathCollector extends DurableObject {
  #built;
  #settle;

  constructor(ctx, env) {
    super(ctx, env);
    this.#settle = meterStorage(ctx);
    this.#built = new BuiltPathCollector(ctx, env);
  }

  async fetch(request) {
    const response = await this.#built.fetch(request);
    // What is only read is read by the bench.
    this.#settle(request.method !== "GET");
    return response;
  }

  async alarm(info) {
    await this.#built.alarm(info);
    this.#settle(true);
  }
}

export default class Metered extends WorkerEntrypoint {
  async fetch(request) {
    // The collector's own routes are read by the bench.
    const free = new URL(request.url).pathname.startsWith("/_collector/");
    const worker = new Worker(this.ctx, free ? this.env : meteredEnv(this.env));
    const answer = await meterRoute(request, this.#handlers(worker), () => ({ wasmPages: wasmPages() }));
    return answer ?? worker.fetch(request);
  }

  queue(batch) {
    return this.#handlers(new Worker(this.ctx, meteredEnv(this.env))).queue(batch);
  }

  #handlers(worker) {
    return {
      queue: (batch) => (countDelivery(batch), worker.queue(batch)),
      scheduled: () => worker.scheduled({ cron: "* * * * *", scheduledTime: Date.now() }),
    };
  }
}

// The plan's design under the meter.
import type { Env } from "../baseline/src/env";
import type { TrafficEvent } from "../baseline/src/event";
import baseline, { PathCollector as BasePathCollector } from "../baseline/src/index";
import { countDelivery, meteredEnv, meterStorage } from "./meter.mjs";
import { meterRoute } from "./routes.mjs";

export class PathCollector extends BasePathCollector {
  readonly #settle: (counted: boolean) => void;

  constructor(ctx: DurableObjectState, env: Env) {
    const settle = meterStorage(ctx);
    super(ctx, env);
    this.#settle = settle;
  }

  override record(event: TrafficEvent): void {
    super.record(event);
    this.#settle(true);
  }
}

const queue = (env: Env) => (batch: MessageBatch<TrafficEvent>) => {
  countDelivery(batch);
  return baseline.queue(batch, meteredEnv(env));
};

export default {
  async fetch(request, env, ctx) {
    const answer = await meterRoute(request, { queue: queue(env) });
    // Its statistics are read by the bench.
    const free = new URL(request.url).pathname.startsWith("/_baseline/");
    return answer ?? baseline.fetch(request, free ? env : meteredEnv(env), ctx);
  },

  queue: (batch, env) => queue(env)(batch),
} satisfies ExportedHandler<Env, TrafficEvent>;

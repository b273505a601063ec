// The plan's design with its stores elsewhere.
import type { Env } from "../baseline/src/env";
import type { TrafficEvent } from "../baseline/src/event";
import baseline from "../baseline/src/index";
import { elsewhere } from "./env.mjs";

export { PathCollector } from "../baseline/src/index";

export default {
  fetch: (request, env, ctx) => baseline.fetch(request, elsewhere(env), ctx),
  queue: baseline.queue,
} satisfies ExportedHandler<Env, TrafficEvent>;

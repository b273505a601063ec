// The plan's design with a queue that swallows one message in a hundred, the first one early, so that a short run has
// one however slow the machine: `make bench` must not overlook that.
import baseline from "./baseline/src/index";
import type { Env } from "./baseline/src/env";

export { PathCollector } from "./baseline/src/index";

let sends = 0;

export default {
  ...baseline,
  fetch(request, env, ctx) {
    const send = async (event) => (++sends % 100 === 10 ? undefined : env.TRAFFIC_QUEUE.send(event));
    return baseline.fetch(request, { ...env, TRAFFIC_QUEUE: { ...env.TRAFFIC_QUEUE, send } }, ctx);
  },
} satisfies ExportedHandler<Env>;

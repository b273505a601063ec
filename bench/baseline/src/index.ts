// The founding plan's gateway: pass the request on, then record it through the queue or the object, as KV says.
import { collect } from "./collect";
import { consume } from "./consumer";
import type { Env } from "./env";
import type { TrafficEvent } from "./event";

export { PathCollector } from "./path_collector";

export default {
  async fetch(request, env, ctx) {
    const timestamp = Date.now();
    const { pathname } = new URL(request.url);
    if (pathname === "/_baseline/stats") return Response.json(await stats(env));
    const response = await env.UPSTREAM.fetch(request);
    const observed = { timestamp, path: pathname, status: response.status, responseTime: Date.now() - timestamp };
    ctx.waitUntil(collect(request, env, observed));
    return response;
  },

  queue: consume,
} satisfies ExportedHandler<Env, TrafficEvent>;

/** How many requests each path has counted. */
async function stats(env: Env): Promise<{ old: number; new: number }> {
  const row = await env.DB.prepare("SELECT coalesce(sum(requests), 0) AS n FROM stats").first<{ n: number }>();
  return { old: await env.PATH_COLLECTOR.getByName("default").requests(), new: row?.n ?? 0 };
}

// The founding plan's gateway: pass the request on, then record it through the queue or the object, as KV says.
import { consume, type Env, type TrafficEvent } from "./stores";

export { PathCollector } from "./stores";

/** Length of the ID window, ms: a repeat within it has the same ID. */
const ID_WINDOW_MS = 60_000;

type Observed = Pick<TrafficEvent, "timestamp" | "path" | "status" | "responseTime">;

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

/** The collecting middleware: runs in `waitUntil`, after the response is known. */
async function collect(request: Request, env: Env, observed: Observed): Promise<void> {
  const ip = request.headers.get("CF-Connecting-IP") ?? "unknown";
  const requestId = request.headers.get("CF-Ray") ?? crypto.randomUUID();
  const window = observed.timestamp - (observed.timestamp % ID_WINDOW_MS);
  // Neither needs the others.
  const [flag, hash8, clientIpHash] = await Promise.all([
    env.FLAGS.get<{ mode: string }>("collector", "json"),
    sha256(`${ip}:${observed.path}:${requestId}`, 4),
    sha256(ip, 8),
  ]);
  const event: TrafficEvent = { idempotentId: `${window}-${hash8}`, clientIpHash, ...observed };
  if (flag?.mode === "queue-only") await viaQueue(env, event);
  else await record(env, event);
}

async function viaQueue(env: Env, event: TrafficEvent): Promise<void> {
  try {
    await env.TRAFFIC_QUEUE.send(event);
  } catch (error) {
    console.error(`Queue send failed: ${event.idempotentId} | ${error}`);
    console.log(`Fallback to DO: ${event.idempotentId}`);
    await record(env, event);
  }
}

async function record(env: Env, event: TrafficEvent): Promise<void> {
  try {
    await env.PATH_COLLECTOR.getByName("default").record(event);
  } catch (error) {
    console.error(`DO record failed: ${event.idempotentId} | ${error}`);
  }
}

const encoder = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The first `bytes` bytes of a text's SHA-256, in hexadecimal. */
async function sha256(text: string, bytes: number): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)), 0, bytes);
  let hex = "";
  for (const byte of hash) hex += HEX[byte];
  return hex;
}

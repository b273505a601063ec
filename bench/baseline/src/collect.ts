// The collecting middleware: runs in `waitUntil`, after the response is known.
import type { Env } from "./env";
import type { TrafficEvent } from "./event";
import { generate, sha256 } from "./idempotent_id";

/** Length of the ID window, ms: a repeat within it has the same ID. */
const ID_WINDOW_MS = 60_000;

export interface Observed {
  timestamp: number;
  path: string;
  status: number;
  responseTime: number;
}

export async function collect(request: Request, env: Env, observed: Observed): Promise<void> {
  const ip = request.headers.get("CF-Connecting-IP") ?? "unknown";
  const requestId = request.headers.get("CF-Ray") ?? crypto.randomUUID();
  const window = observed.timestamp - (observed.timestamp % ID_WINDOW_MS);
  // Neither needs the others.
  const [flag, idempotentId, clientIpHash] = await Promise.all([
    env.FLAGS.get<{ mode: string }>("collector", "json"),
    generate(window, ip, observed.path, requestId),
    sha256(ip, 8),
  ]);
  const event: TrafficEvent = { idempotentId, clientIpHash, ...observed };
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

// A gateway whose stores hold something of everything the API tells of.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { ask } from "./ask.mjs";
import { eventually, startGateway } from "./harness.mjs";

const HOUR_MS = 3_600_000;
const MILLION = 1_000_000;
export const ROUTE = "/api/{id}";

/** The last hour that is over, and so is the time that stragglers have. */
const START = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 2 * HOUR_MS;
export const WINDOW = `hour:${START}`;
/** An hour without anything, which nobody compares. */
export const EMPTY_WINDOW = `hour:${START - 100 * HOUR_MS}`;

function event(seq, fields = {}) {
  const timestamp = START + seq * 5_000;
  const digest = createHash("sha256").update(`${seq}`).digest("hex").slice(0, 16);
  return {
    idempotentId: `${timestamp - (timestamp % 60_000)}-${digest.slice(0, 8)}`, digest, timestamp, path: ROUTE,
    method: "GET", status: 200, responseTime: seq, clientIpHash: "0123456789abcdef", cohort: "dual", flagVersion: 1,
    producer: "00000000000000aa", seq, write: seq, ...fields,
  };
}
const message = (events) => JSON.stringify({ v: 1, events });

/** Events of which each store lacks one, one differs, and one was lost on its way to both. */
async function apart(gateway) {
  const { PATH_COLLECTOR, TRAFFIC_QUEUE } = await gateway.env();
  const events = Array.from({ length: 60 }, (_, seq) => event(seq)).filter(({ seq }) => seq !== 50);
  const object = PATH_COLLECTOR.get(PATH_COLLECTOR.idFromName("default"));
  const old = message(events.filter(({ seq }) => seq !== 9));
  await ask(object, "record", old);
  const altered = events.map((one) => (one.seq === 7 ? { ...one, status: 503 } : one));
  await TRAFFIC_QUEUE.send(message(altered.filter(({ seq }) => seq !== 3)), { contentType: "text" });
}

/** Two letters that can't be read. */
async function letters(gateway) {
  const { TRAFFIC_QUEUE } = await gateway.env();
  for (const text of ["{ nothing", "more of it"]) await TRAFFIC_QUEUE.send(text, { contentType: "text" });
  await eventually(async () => assert.equal((await gateway.read("dead-letters")).count, 2));
}

export const FLAG = {
  schema: 1, version: 0, mode: "dual-write", samplePpm: MILLION, updatedBy: "jo", reason: "all of it",
};
const RULES = {
  overrides: [
    { path: "/health", mode: "do-only" },
    { path: "/new/{*rest}", mode: "dual-write", samplePpm: 0, queuePpm: 9 },
  ],
  guard: { maxDiffPpm: 1_000, minEvents: 3_000, action: "rollback" },
  ramp: { steps: [500_000, MILLION], everyMs: 60_000 },
};

/** Starts it; gives also the ID of an event and that of a dead letter. */
export async function startWithEverything(t) {
  const gateway = await startGateway(t, { vars: { PATH_TEMPLATES: ROUTE, LOG_EVENTS: "false" } });
  await gateway.changeFlag(0, FLAG);
  await gateway.changeFlag(1, { ...FLAG, ...RULES });
  await apart(gateway);
  const numbers = Array.from({ length: 12 }, (_, n) => n);
  await Promise.all(numbers.map((n) => gateway.request(`/api/${n}`, { ip: `203.0.113.${n}`, ray: `ray-${n}` })));
  await gateway.delivered({ old: 70, new: 70 });
  await letters(gateway);
  await gateway.cron();
  const { idempotentId } = event(20);
  const [letter] = (await gateway.read("dead-letters")).letters;
  return { gateway, event: idempotentId, letter: letter.id };
}

// Trace in the real runtime: what each part knows of one ID.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

const DAY_MS = 24 * 60 * 60 * 1000;

describe("trace", { concurrency: 3, timeout: 180_000 }, () => {
  test("repeats, cohort and flag version are told of what both stores hold", async (t) => {
    const gateway = await startGateway(t, { vars: { ID_WINDOW_MS: "3600000" } });
    await gateway.putFlag({ mode: "dual-write", samplePpm: 1_000_000 });
    for (const times of [1, 2, 3]) {
      await gateway.request("/api/test", { ip: "203.0.113.1", ray: "again" });
      await gateway.delivered({ old: times, new: times });
    }
    const [event] = await gateway.ids("old");
    const trace = await gateway.read(`trace/${event.idempotentId}`);
    assert.deepEqual([trace.old.length, trace.new.length, trace.absorbed], [1, 1, { old: 2, new: 2 }]);
    assert.deepEqual(trace.old[0].event, event);
    assert.ok(trace.new[0].storedAt >= event.timestamp);
    assert.deepEqual([trace.cohort, trace.flagVersion, trace.deadLetters], ["dual", 1, []]);
    const day = new Date(Number(event.idempotentId.slice(0, 13))).toISOString().slice(0, 10);
    assert.deepEqual([trace.archive, trace.details.place], [{ day, state: "waiting" }, "stores"]);
  });

  test("an ID that is in a dead letter alone is found there", async (t) => {
    const gateway = await startGateway(t);
    const now = Date.now();
    const idempotentId = `${now - (now % 60_000)}-0123abcd`;
    const send = async (body) => (await gateway.env()).TRAFFIC_QUEUE.send(body, { contentType: "text" });
    await send(JSON.stringify({ v: 1, events: [{ idempotentId, status: 99 }] }));
    await send("no event");
    await eventually(async () => assert.equal((await gateway.letters()).length, 2));
    const trace = await gateway.read(`trace/${idempotentId}`);
    assert.deepEqual([trace.old, trace.new, trace.cohort, trace.flagVersion], [[], [], null, null]);
    const [{ id, receivedAt, source, reason }] = trace.deadLetters;
    const letter = await gateway.letter(id);
    assert.deepEqual({ receivedAt, source, reason }, { receivedAt: letter.receivedAt, source: "consumer", reason: letter.reason });
    assert.deepEqual([trace.deadLetters.length, trace.deadLettersNotSearched], [1, 0]);
  });

  test("an ID that nobody knows is told apart by its age", async (t) => {
    const gateway = await startGateway(t, { config: { r2_buckets: [] } });
    const place = async (at) => {
      const { archive, details, old } = await gateway.read(`trace/${at}-0123abcd`);
      assert.deepEqual([archive, old], [null, []]);
      return details;
    };
    assert.deepEqual((await place(Date.now() + DAY_MS)).place, "future");
    assert.deepEqual((await place(Date.now())).place, "stores");
    assert.deepEqual(await place(Date.now() - 30 * DAY_MS), { place: "nowhere", note: "it is older than what is kept" });
  });
});

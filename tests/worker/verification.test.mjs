// The founding plan's verification steps, against the running Worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { startGateway } from "./harness.mjs";

const TEN = Array.from({ length: 10 }, (_, n) => n + 1);

describe("the plan's verification", { concurrency: 2, timeout: 120_000 }, () => {
  test("ten requests are sent, consumed and counted ten times", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    for (const n of TEN) {
      const response = await gateway.request("/api/test", { ip: `192.168.1.${n}`, ray: `test-${n}` });
      assert.equal(response.status, 200);
    }

    const stats = await gateway.delivered({ new: 10 });
    assert.deepEqual([stats.total.requests, stats.exact], [10, true]);
    assert.deepEqual(stats.paths.map(({ path, requests }) => [path, requests]), [["/api/test", 10]]);
    assert.equal(stats.total.addresses.lower, 10);

    const ids = (await gateway.ids("new")).map((event) => event.idempotentId).sort();
    assert.equal(new Set(ids).size, 10);
    const sent = /^Queue sent: (\d{13}-[0-9a-f]{8}) \| Path: \/api\/test \| Status: 200$/;
    const consumed = /^Consumed: (\d{13}-[0-9a-f]{8}) \| Path: \/api\/test \| Status: 200 \| Time: \d{13}$/;
    assert.deepEqual(await gateway.untilLogged(sent, 10), ids);
    assert.deepEqual(await gateway.untilLogged(consumed, 10), ids);
    assert.ok(gateway.logged(/^Received \d+ messages$/).length > 0);
  });

  test("the same request one second later has the same ID and is counted once", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    const duplicate = { ip: "192.168.1.1", ray: "test-duplicate" };
    await gateway.request("/api/test", duplicate);
    await pause(1_000); // the scenario itself
    await gateway.request("/api/test", duplicate);

    const stats = await gateway.delivered({ new: 2 });
    assert.deepEqual([stats.total.requests, stats.exact], [1, true]);
    const sent = await gateway.untilLogged(/^Queue sent: (\S+)/, 2);
    const [[window, hash], [laterWindow, laterHash]] = sent.map((id) => id.split("-"));
    assert.equal(laterHash, hash);
    // A window's edge may lie between the two: then the IDs differ by one window, and it is counted once still.
    assert.ok([0, 60_000].includes(laterWindow - window), sent.join(" "));
  });
});

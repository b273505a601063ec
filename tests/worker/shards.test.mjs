// Another number of objects than events are kept in: refused, said, and nothing lost, doubled or misjudged.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startGateway } from "./harness.mjs";

/** Deploys the Worker again with another setting: new isolates, the same stores. */
const deployWith = (gateway, COLLECTOR_SHARDS) =>
  gateway.server.update((options) => ({
    ...options,
    workers: options.workers.map((worker) => ({ ...worker, vars: { ...worker.vars, COLLECTOR_SHARDS } })),
  }));

const refusal = async (gateway) =>
  (await gateway.read("health")).reasons.find(({ code }) => code === "shards-refused")?.message;

describe("the number of objects", { concurrency: 2, timeout: 180_000 }, () => {
  for (const ADDRESS_HASH of ["daily", "plain"]) {
    test(`once there are events, another setting changes nothing and is said, with addresses ${ADDRESS_HASH}`, async (t) => {
      const gateway = await startGateway(t, { vars: { COLLECTOR_SHARDS: "4", ADDRESS_HASH } });
      await gateway.requests("/api/test", 40);
      await gateway.delivered({ old: 40 });
      assert.equal((await gateway.read("health")).stores.old.length, 4);
      assert.equal(await refusal(gateway), undefined);

      for (const setting of ["8", "1"]) {
        await deployWith(gateway, setting);
        assert.match(await refusal(gateway), new RegExp(`COLLECTOR_SHARDS is ${setting}.* kept in 4.*Set COLLECTOR_SHARDS to 4`));
      }
      await gateway.requests("/api/test", 45); // forty of them known
      const stats = await gateway.delivered({ old: 85 });
      assert.deepEqual([stats.total.requests, stats.exact], [45, true]);
      assert.equal((await gateway.ids("old")).length, 45);
      assert.ok(gateway.logged(/COLLECTOR_SHARDS is 1/).length > 0);

      await deployWith(gateway, "4");
      assert.equal(await refusal(gateway), undefined);
    });
  }

  test("before the first event the setting may change", async (t) => {
    const gateway = await startGateway(t);
    await gateway.cron();
    assert.equal((await gateway.read("health")).stores.old.length, 1);
    await deployWith(gateway, "3");
    await gateway.requests("/api/test", 30);
    await gateway.delivered({ old: 30 });
    assert.equal((await gateway.read("health")).stores.old.length, 3);
    assert.equal(await refusal(gateway), undefined);
  });
});

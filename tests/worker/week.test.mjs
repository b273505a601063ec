// A simulated week: what is kept stays within its bounds in both stores, and every figure that is kept stays right.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startGateway } from "./harness.mjs";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const ROUTES = ["/api/a", "/api/b"];

const COUNTS = `
  SELECT (SELECT count(*) FROM segments) AS segments, (SELECT count(*) FROM folds) AS folds,
         (SELECT count(*) FROM ledger) AS ledger,
         (SELECT count(*) FROM rollups WHERE grain = 60000) AS minutes,
         (SELECT count(*) FROM rollups WHERE grain = 3600000) AS hours,
         (SELECT count(*) FROM rollups WHERE grain = 86400000) AS days,
         (SELECT min(start) FROM rollups WHERE grain = 60000) AS first_minute,
         (SELECT min(window_start) FROM segments) AS first_window`;

describe("a simulated week", { timeout: 300_000 }, () => {
  test("leaves rows within the stated bounds, and totals as they were", async (t) => {
    const gateway = await startGateway(t, {
      vars: { PATH_TEMPLATES: ROUTES.join(" "), LINGER_MS: "5" },
      // Without an archive, so that what is deleted waits for nothing.
      config: { r2_buckets: undefined },
    });
    await gateway.putFlag({ mode: "dual-write", samplePpm: 1_000_000 });
    const start = Math.floor(Date.now() / DAY_MS) * DAY_MS + 40 * DAY_MS;
    const end = start + 7 * DAY_MS + 8 * HOUR_MS;
    // Its time is the model's: no batch is waited for.
    await gateway.startBroker(start);
    let sent = 0;
    for (let now = start; now < end; now += 4 * HOUR_MS) {
      // Four minutes of traffic on both routes, then the night watch: cron and the object's alarm.
      for (let minute = 0; minute < 4; minute++) {
        await gateway.deliverUntil(now + minute * MINUTE_MS);
        await Promise.all(ROUTES.map((route, n) => gateway.request(route, { ip: "203.0.113.1", ray: `ray-${sent + n}` })));
        sent += ROUTES.length;
        // To a flush whose clock is moved, its time is over.
        await gateway.untilLogged(/^DO recorded: (\S+)/, sent);
        await gateway.untilLogged(/^Queue sent: (\S+)/, sent);
      }
      await gateway.deliverUntil(now + HOUR_MS);
      await gateway.delivered({ old: sent, new: sent });
      await gateway.cron();
      await gateway.alarm();
    }

    const now = end - 4 * HOUR_MS + HOUR_MS;
    const database = (await gateway.env()).DB;
    const storage = await gateway.worker.getDurableObjectStorage("PathCollector", { name: "default" });
    const stores = { new: await database.prepare(COUNTS).first(), old: (await storage.exec(COUNTS))[0] };
    for (const [store, rows] of Object.entries(stores)) {
      const shown = `${store}: ${JSON.stringify(rows)}`;
      // Two routes and all together; four minutes in each of the twelve bouts of 48 hours, one of them at its edge.
      assert.ok(rows.minutes <= 3 * 4 * 13 && rows.minutes >= 3 * 4 * 11, shown);
      assert.ok(rows.first_minute >= now - 48 * HOUR_MS, shown);
      assert.ok(rows.hours <= 3 * 45 && rows.hours >= 3 * 43, shown);
      assert.ok(rows.days <= 3 * 8 && rows.days >= 3 * 8, shown);
      // Parity's sums by minute outlive the week: all 44 bouts.
      assert.ok(rows.ledger <= 4 * 45, shown);
      assert.ok(rows.first_window >= now - 7 * DAY_MS - 3 * HOUR_MS, shown);
      assert.ok(rows.folds <= 30, shown);
    }
    const stats = await gateway.read(`stats?from=${start}&to=${now}`);
    assert.deepEqual([stats.total.requests, stats.stores.both, stats.exact], [sent, sent, true]);
    const series = await gateway.read(`series?from=${start}&to=${now}`);
    assert.equal(series.points.reduce((sum, point) => sum + point.requests, 0), sent);
    assert.equal((await gateway.read("health")).cron.find(({ job }) => job === "clean").error, null);
  });
});

// Outages of D1 that last for hours and days: in the end every event counts once, and nobody was needed.
//
// The Worker is the built one in the real runtime, with real stores. The queues are a model (broker.mjs), because the
// runtime's wait in real time; the clock is the model's.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ask } from "./ask.mjs";
import { eventually, NOON, startGateway } from "./harness.mjs";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Longest that a message waits in the slow lane, with the batches before it. */
const LONGEST_WAIT_MS = 2.5 * HOUR_MS + 10 * MINUTE_MS;

const ROUTES = ["/api/a", "/api/b"];

/** A flag that sends a part to both paths, and the rest to the queue. */
const BOTH = { mode: "dual-write", samplePpm: 300_000, queuePpm: 1_000_000 };

/** A gateway, its traffic of two paths' events, and the truth about it. */
class World {
  sent = 0;

  constructor(gateway, start) {
    this.gateway = gateway;
    this.start = start;
    this.now = start;
  }

  /**
   * @param {import("node:test").TestContext} t
   * @param {{ start?: number, retentionMs?: number, flag?: object }} [options]
   */
  static async begin(t, { start = NOON, retentionMs, flag = BOTH } = {}) {
    const vars = { LOG_EVENTS: "false", LINGER_MS: "5", PATH_TEMPLATES: ROUTES.join(" ") };
    const gateway = await startGateway(t, { vars, config: { r2_buckets: undefined } });
    await gateway.putFlag(flag);
    // The number of objects is known before the clock moves: a flush that asks for it meanwhile finds its time over.
    const { PATH_COLLECTOR } = await gateway.env();
    await ask(PATH_COLLECTOR.getByName("default"), "layout", 1, true);
    await gateway.read("health");
    await gateway.startBroker(start, { retentionMs });
    return new World(gateway, start);
  }

  /** Lets so much time (ms) go by without traffic; gives what the queues did so far. */
  later(ms) {
    this.now += ms;
    return this.gateway.deliverUntil(this.now);
  }

  /** Requests, each of whose events is in the queue when this is done. */
  async traffic(count = 4) {
    const requests = Array.from({ length: count }, (_, n) =>
      this.gateway.request(ROUTES[n % ROUTES.length], { ip: `203.0.113.${n}`, ray: `ray-${this.sent + n}` }));
    await Promise.all(requests);
    this.sent += count;
    await eventually(async () => assert.equal((await this.gateway.broker()).events, this.sent));
  }

  /** Time goes on, with some traffic, and cron now and then, each `stepMs`. */
  async pass(ms, stepMs) {
    const end = this.now + ms;
    while (this.now < end) {
      await this.traffic();
      this.now = Math.min(this.now + stepMs, end);
      await this.gateway.deliverUntil(this.now);
      await this.gateway.cron();
    }
  }

  /** Goes on without traffic until D1 has applied and folded all: a batch that a busy machine was slow with is retried. */
  async settle() {
    await eventually(async () => {
      const { waiting } = await this.later(MINUTE_MS);
      await this.gateway.cron();
      const { stores } = await this.gateway.read("health");
      const left = [waiting["traffic-events"], waiting["traffic-events-dlq"], stores.new.unfolded];
      assert.deepEqual(left, [0, 0, 0], this.gateway.logs().join("\n"));
    });
  }

  /** Every event counts once, nothing was dropped by a queue, and nobody has anything to do. */
  async isWhole() {
    const broker = await this.later(LONGEST_WAIT_MS);
    const { waiting, expired, dropped, mostAttempts } = broker;
    assert.deepEqual(waiting, { "traffic-events": 0, "traffic-events-dlq": 0 });
    assert.deepEqual([expired, dropped], [0, 0]);
    assert.ok(mostAttempts <= 100, `${mostAttempts} attempts`);
    const stats = await eventually(async () => {
      const read = await this.gateway.read(`stats?from=${this.start - HOUR_MS}&to=${this.now + HOUR_MS}`);
      assert.deepEqual([read.total.requests, read.exact], [this.sent, true]);
      return read;
    });
    const { deadLetters } = await this.gateway.read("health");
    assert.deepEqual(deadLetters, { count: 0, oldestAt: null, dropped: 0 });
    return { ...broker, stats };
  }
}

/** Times between deliveries, in ms. */
const gaps = (times) => times.slice(1).map((time, n) => time - times[n]);

describe("an outage of D1", { concurrency: 2, timeout: 560_000 }, () => {
  test("of three minutes delays events by minutes", async (t) => {
    const world = await World.begin(t);
    await world.gateway.fault({ DB: "fails" });
    await world.pass(3 * MINUTE_MS, MINUTE_MS);
    await world.gateway.fault({});
    const { waiting } = await world.later(5 * MINUTE_MS);
    assert.deepEqual(waiting, { "traffic-events": 0, "traffic-events-dlq": 0 });
    await world.isWhole();
  });

  test("of six hours delays events: all count once, and no letter is written", async (t) => {
    const world = await World.begin(t);
    await world.pass(HOUR_MS, 20 * MINUTE_MS);
    await world.gateway.fault({ DB: "fails" });
    await world.pass(6 * HOUR_MS, 20 * MINUTE_MS);
    await world.gateway.fault({});
    await world.pass(HOUR_MS, 20 * MINUTE_MS);
    const { deliveries, stats } = await world.isWhole();
    assert.ok(stats.stores.both > 0 && stats.stores.new.single > 0, "events of both cohorts are among them");
    const tries = deliveries.map((times) => times.length);
    assert.ok(Math.max(...tries) >= 10 && Math.max(...tries) <= 25, tries.join());
    const longest = Math.max(...deliveries.flatMap(gaps));
    assert.ok(longest > HOUR_MS && longest <= LONGEST_WAIT_MS, `${longest} ms`);
  });

  test("of four days does so too, in queues that keep messages no longer than that", async (t) => {
    const world = await World.begin(t);
    await world.pass(HOUR_MS, 30 * MINUTE_MS);
    await world.gateway.fault({ DB: "fails" });
    await world.pass(4 * DAY_MS, 4 * HOUR_MS);
    await world.gateway.fault({});
    const { deliveries } = await world.isWhole();
    const tries = deliveries.map((times) => times.length);
    assert.ok(Math.max(...tries) >= 40 && Math.max(...tries) <= 100, tries.join());
    const mostly = deliveries.flatMap(gaps).filter((gap) => gap > 1.9 * HOUR_MS).length;
    assert.ok(mostly > deliveries.flatMap(gaps).length / 3, "most tries are hours apart");
  });

  test("of eight days leaves what can't wait to the object, as a fallback", async (t) => {
    const world = await World.begin(t, { retentionMs: 14 * DAY_MS, flag: { mode: "queue-only" } });
    await world.gateway.fault({ DB: "fails" });
    await world.pass(8 * DAY_MS, 8 * HOUR_MS);
    await world.gateway.fault({});
    const { stats } = await world.isWhole();
    assert.ok(stats.stores.old.fallback > 0 && stats.stores.new.single > 0, JSON.stringify(stats.stores));
  });
});

describe("a D1 that is full for a day", { timeout: 560_000 }, () => {
  test("takes what it can: deletion goes on, reads are answered, and all count once", async (t) => {
    const world = await World.begin(t, { start: NOON - 9 * DAY_MS });
    await world.pass(HOUR_MS, 30 * MINUTE_MS);
    // What is not folded before D1 is full is not deleted while it is.
    await world.settle();
    const { DB } = await world.gateway.env();
    const segments = async () => (await DB.prepare("SELECT count(*) AS n FROM segments").first()).n;
    assert.ok((await segments()) > 0);
    await world.later(8 * DAY_MS);
    await world.gateway.fault({ DB: "full" });
    await world.pass(DAY_MS, 3 * HOUR_MS);
    const health = await world.gateway.read("health");
    assert.equal(await segments(), 0, `deleted though nothing can be added: ${JSON.stringify(health.cron)}`);
    assert.ok(health.stores.new, "it can be read");
    await world.gateway.fault({});
    const { deliveries } = await world.isWhole();
    const tries = deliveries.map((times) => times.length);
    assert.ok(Math.max(...tries) >= 15 && Math.max(...tries) <= 40, tries.join());
  });
});

/** An event as the gateway makes it, at a time. */
function event(n, timestamp) {
  const digest = n.toString(16).padStart(16, "0");
  const window = timestamp - (timestamp % MINUTE_MS);
  return {
    idempotentId: `${window}-${digest.slice(0, 8)}`, digest, timestamp, path: "/api/test", method: "GET", status: 200,
    responseTime: 5, clientIpHash: "00000000000000aa", cohort: "single", flagVersion: 1,
    producer: "00000000000000bb", seq: Number(n % 1_000n), write: Number(n % 1_000n),
  };
}

describe("a message that D1 refuses by itself", { concurrency: 2, timeout: 560_000 }, () => {
  const message = (...events) => JSON.stringify({ v: 1, events });

  test("waits alone: the others of its batch are applied at once, and it is once D1 takes it", async (t) => {
    const world = await World.begin(t);
    const { gateway } = world;
    await gateway.fault({ DB: "refuses-large" });
    const large = Array.from({ length: 190 }, (_, n) => event(BigInt(n + 1) << 32n, world.now));
    for (let n = 0; n < 20; n++) {
      if (n === 7) await gateway.broker(message(...large));
      await gateway.broker(message(event(BigInt(n + 1_000) << 32n, world.now)));
    }
    const { waiting } = await world.later(10_000);
    assert.equal(waiting["traffic-events"] + waiting["traffic-events-dlq"], 1, gateway.logs().join("\n"));
    const range = `from=${world.start - HOUR_MS}&to=${world.now + HOUR_MS}`;
    assert.equal((await gateway.read(`stats?${range}`)).total.requests, 20);
    const after = await world.later(12 * HOUR_MS);
    assert.equal(after.waiting["traffic-events-dlq"], 1, "it waits; it is no letter");
    await gateway.fault({});
    world.sent = 210;
    await world.isWhole();
  });

  test("what can't be read is a letter also where only the slow lane could write it; sound events beside it are not", async (t) => {
    const world = await World.begin(t);
    const { gateway } = world;
    await gateway.fault({ DB: "full" });
    await gateway.broker(message({ ...event(1n << 32n, world.now), status: 99 }, event(2n << 32n, world.now)));
    await gateway.broker('{"v":1}');
    await gateway.broker(message(event(3n << 32n, world.now)));
    await world.later(3 * HOUR_MS);
    await gateway.fault({});
    const { waiting } = await world.later(LONGEST_WAIT_MS);
    assert.deepEqual(waiting, { "traffic-events": 0, "traffic-events-dlq": 0 });
    const letters = await gateway.letters();
    assert.deepEqual(letters.map(({ source }) => source), ["dlq", "dlq"]);
    assert.match(letters.map(({ reason }) => reason).sort().join(), /`status`.*queue message/);
    const range = `from=${world.start - HOUR_MS}&to=${world.now + HOUR_MS}`;
    assert.equal((await gateway.read(`stats?${range}`)).total.requests, 2);
  });

  test("of a newer format waits for a Worker that reads it, and is a letter after three days", async (t) => {
    const world = await World.begin(t);
    const { gateway } = world;
    await gateway.broker('{"v":2,"packed":"…"}');
    const early = await world.later(2 * DAY_MS);
    assert.equal(early.waiting["traffic-events-dlq"], 1);
    assert.deepEqual(await gateway.letters(), []);
    const late = await world.later(DAY_MS + LONGEST_WAIT_MS);
    assert.deepEqual(late.waiting, { "traffic-events": 0, "traffic-events-dlq": 0 });
    assert.match((await gateway.letters())[0].reason, /version 1/);
  });
});

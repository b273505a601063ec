// Looking at the flag: what a change would do, what it starts from, and how far it has spread.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

const MILLION = 1_000_000;
const preview = (gateway, fields) =>
  gateway.order("POST", "v1/flag/preview", { schema: 1, version: 0, ...fields });
const status = (gateway, query = "") => gateway.read(`flag/status${query}`);

describe("looking at the flag", { concurrency: 3, timeout: 120_000 }, () => {
  test("a preview says what would become of the last day's traffic, and changes nothing", async (t) => {
    const gateway = await startGateway(t);
    await gateway.requests("/users/1", 6);
    await gateway.requests("/orders", 2);
    await gateway.delivered({ old: 8 });
    const overrides = [
      { path: "/users/{*rest}", mode: "queue-only" },
      { path: "/users/me", mode: "do-only" },
    ];
    const { status: code, body } = await preview(gateway, { mode: "dual-write", samplePpm: MILLION, overrides });
    assert.equal(code, 200, JSON.stringify(body));
    assert.deepEqual([body.basis.requests, body.basis.exact, body.base, body.more], [8, true, 0, false]);
    assert.equal(body.basis.to - body.basis.from, 24 * 60 * 60 * 1000);
    assert.deepEqual(body.current, { onlyOld: MILLION, both: 0, onlyNew: 0 });
    assert.deepEqual(body.proposed, { onlyOld: 0, both: 250_000, onlyNew: 750_000 });
    assert.deepEqual(
      body.paths.map(({ path, requests, override, proposed }) => [path, requests, override, proposed.both]),
      [
        ["/users/{id}", 6, "/users/{*rest}", 0],
        ["/orders", 2, null, MILLION],
      ],
    );
    assert.deepEqual(body.differences.map(({ field }) => field), ["mode", "overrides", "samplePpm"]);
    assert.ok(body.warnings.some((text) => text.includes("/users/me never holds")), body.warnings.join("\n"));
    assert.deepEqual([(await gateway.read("flag")).version, (await gateway.read("flag/history")).history], [0, []]);
    const refused = await preview(gateway, { mode: "queue" });
    assert.deepEqual([refused.status, refused.body.detail.includes("`mode`")], [400, true]);
  });

  test("without the stores a preview tells from the rules alone", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, { mode: "do-only" });
    await gateway.fault({ DB: "fails", PATH_COLLECTOR: "fails" });
    const { status: code, body } = await preview(gateway, { mode: "dual-write", samplePpm: 10_000, queuePpm: 500_000 });
    assert.deepEqual([code, body.basis, body.base, body.paths], [200, null, 1, []]);
    assert.deepEqual(body.proposed, { onlyOld: 495_000, both: 10_000, onlyNew: 495_000 });
  });

  test("a change starts from the history, or the copy, or the built-in document", async (t) => {
    const gateway = await startGateway(t);
    const read = async () => {
      const response = await gateway.request("/_collector/v1/flag/document");
      const { document, source } = await response.json();
      return [response.status, response.headers.get("ETag"), source, document?.mode];
    };
    assert.deepEqual(await read(), [200, '"0"', "built-in", "do-only"]);
    await gateway.putFlag({ mode: "queue-only" });
    assert.deepEqual(await read(), [200, '"1"', "copy", "queue-only"]);
    await gateway.changeFlag(1, { mode: "dual-write" });
    assert.deepEqual(await read(), [200, '"2"', "history", "dual-write"]);
    await gateway.fault({ DB: "hangs" });
    assert.deepEqual(await read(), [200, '"2"', "copy", "dual-write"]);
    // The object has a copy, too.
    await gateway.fault({ DB: "fails", FLAGS: "missing" });
    assert.deepEqual(await read(), [200, '"2"', "copy", "dual-write"]);
    await gateway.fault({ DB: "fails", FLAGS: "missing", PATH_COLLECTOR: "fails" });
    assert.equal((await read())[0], 503);
  });

  test("the status tells which isolates route by an older version, and how late they were", async (t) => {
    // The isolate keeps its flag for a minute: it stays behind.
    const gateway = await startGateway(t, { vars: { FLAG_TTL_MS: "60000" } });
    await gateway.requests("/a", 2);
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: MILLION });
    await gateway.requests("/a", 3, "later");
    await gateway.delivered({ old: 5 });
    const behind = await status(gateway);
    assert.deepEqual([behind.newest, behind.source, behind.copy, behind.inForce], [1, "history", 1, 0]);
    assert.deepEqual([behind.behind, behind.olderEvents, behind.complete, behind.flagTtlMs], [1, 3, true, 60_000]);
    assert.ok(behind.slowest >= 0 && behind.slowest < 60_000, `${behind.slowest}`);
    const [{ producer, version, events, lastSeen }] = behind.isolates;
    assert.match(producer, /^[0-9a-f]{16}$/);
    assert.deepEqual([version, events, behind.isolates.length, behind.ramp], [0, 5, 1, null]);
    assert.ok(lastSeen >= behind.from && lastSeen < behind.to);
  });

  test("an isolate that has the newest version is not behind, and an event in both stores counts once", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: MILLION });
    await gateway.requests("/a", 3);
    await gateway.delivered({ old: 3, new: 3 });
    const { behind, olderEvents, slowest, isolates } = await status(gateway, "?minutes=60");
    assert.deepEqual([behind, olderEvents, slowest, isolates[0].version, isolates[0].events], [0, 0, null, 1, 3]);
    for (const minutes of ["0", "61", "x"]) {
      const response = await gateway.request(`/_collector/v1/flag/status?minutes=${minutes}`);
      assert.deepEqual([response.status, (await response.json()).detail.includes("`minutes`")], [400, true]);
    }
  });

  test("the status answers whatever is away, and says that it is not complete", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, { mode: "do-only" });
    await gateway.requests("/a", 2);
    await gateway.delivered({ old: 2 });
    await gateway.fault({ DB: "fails" });
    const away = await status(gateway);
    assert.deepEqual([away.newest, away.source, away.complete, away.isolates[0].events], [1, "copy", false, 2]);
    await gateway.fault({ DB: "fails", FLAGS: "fails", PATH_COLLECTOR: "fails" });
    const nothing = await status(gateway);
    assert.deepEqual([nothing.newest, nothing.source, nothing.copy, nothing.inForce], [null, null, null, 1]);
    assert.deepEqual([nothing.isolates, nothing.behind, nothing.complete], [[], 0, false]);
    await gateway.fault({});
    await eventually(async () => assert.equal((await status(gateway)).complete, true));
  });
});

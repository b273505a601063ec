// Clients that hang up before the upstream answers are counted, once each, with status 499.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startDirect } from "./direct.mjs";
import { eventually } from "./harness.mjs";

const range = (count) => Array.from({ length: count }, (_, n) => n);

/** An upstream that keeps its answers back, until `answer()` gives all of them. */
function patient() {
  const waiting = [];
  return {
    waiting,
    respond: (request, response) => {
      if (request.url === "/quick") response.end("ok\n");
      else waiting.push(response);
    },
    answer: () => waiting.splice(0).map((response) => response.end("late\n")),
  };
}

const header = (n) => ({ "CF-Connecting-IP": `203.0.113.${n}`, "CF-Ray": `ray-${n}` });

/** Sends requests, waits until they are at the upstream, and hangs up. */
async function hangUp(gateway, upstream, path, numbers) {
  const sockets = await Promise.all(numbers.map((n) => gateway.send(path, header(n))));
  await eventually(() => assert.equal(upstream.waiting.length, numbers.length));
  for (const socket of sockets) socket.resetAndDestroy();
}

/** The events of a store once there are so many. */
function recorded(gateway, store, count) {
  return eventually(async () => {
    const { events } = await gateway.read(`ids?store=${store}`);
    assert.equal(events.length, count, gateway.logs.join("\n"));
    return events;
  });
}

describe("clients that hang up", { concurrency: 3, timeout: 240_000 }, () => {
  for (const [mode, store] of [["do-only", "old"], ["queue-only", "new"]]) {
    test(`fifty of them before the upstream answers are fifty events of status 499 (${mode})`, async (t) => {
      const upstream = patient();
      const gateway = await startDirect(t, { upstream: upstream.respond });
      await gateway.putFlag({ mode });
      await hangUp(gateway, upstream, "/slow", range(50));
      const events = await recorded(gateway, store, 50);

      assert.deepEqual([...new Set(events.map(({ status }) => status))], [499]);
      assert.ok(events.every(({ path, responseTime }) => path === "/slow" && responseTime < 60_000));
      // Numbered like any others, so that a gap is a loss.
      assert.deepEqual(events.map(({ seq }) => seq).sort((a, b) => a - b), range(50));
      // The answers come at last, to nobody: none counts again.
      upstream.answer();
      for (const n of range(5)) assert.equal(await (await gateway.fetch("/quick", { headers: header(100 + n) })).text(), "ok\n");
      await recorded(gateway, store, 55);
      const { total, exact } = await gateway.read("stats");
      assert.deepEqual([total.requests, total.status["4xx"], total.status["2xx"], exact], [55, 50, 5, true]);
      assert.equal((await gateway.read("health")).isolate.client_hung_up, 50);
      assert.deepEqual(gateway.logs.filter((line) => /rror|Not counted/.test(line)), []);
    });
  }

  test("one that hangs up after the headers counts once, with the status that it was given", async (t) => {
    const gateway = await startDirect(t, {
      upstream: (_, response) => {
        response.writeHead(203);
        response.write("the first part, and no more of it");
      },
    });
    const socket = await gateway.send("/endless", header(1));
    await new Promise((resolve) => socket.once("data", resolve));
    socket.resetAndDestroy();

    const [{ status }] = await recorded(gateway, "old", 1);
    assert.equal(status, 203);
    await gateway.fetch("/_collector/v1/health");
    assert.equal((await gateway.read("health")).isolate.client_hung_up, undefined);
  });

  test("others that wait beside them get the upstream's answer, and count by it", async (t) => {
    const upstream = patient();
    const gateway = await startDirect(t, { upstream: upstream.respond });
    const stay = range(5).map((n) => gateway.fetch("/slow", { headers: header(100 + n) }));
    await eventually(() => assert.equal(upstream.waiting.length, 5));
    const kept = upstream.waiting.splice(0);
    await hangUp(gateway, upstream, "/slow", range(5));
    await recorded(gateway, "old", 5);
    for (const response of kept) response.end("late\n");

    for (const response of await Promise.all(stay)) {
      assert.deepEqual([response.status, await response.text()], [200, "late\n"]);
    }
    const statuses = (await recorded(gateway, "old", 10)).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [...Array(5).fill(200), ...Array(5).fill(499)]);
  });
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { batches, DEFAULTS, messages, stream } from "./stream.mjs";

const settings = { perSecond: 1_000, isolates: 20, seconds: 10, lingerMs: 200, flushEvents: 100 };

test("every event travels once, in its isolate's order", () => {
  const sent = messages(settings);
  const numbers = sent.flatMap((message) => message.numbers.map(([n]) => n)).sort((a, b) => a - b);
  assert.deepEqual(numbers, Array.from({ length: 10_000 }, (_, n) => n));
  for (let isolate = 0; isolate < 20; isolate += 1) {
    const own = sent.filter((message) => message.isolate === isolate);
    const seqs = own.flatMap(({ numbers }) => numbers.map(([, , seq]) => seq));
    assert.deepEqual(seqs, seqs.map((_, index) => index));
  }
});

test("no event waits longer than the linger, and no message is larger than a flush", () => {
  for (const { atMs, numbers } of messages(settings)) {
    assert.ok(atMs - numbers[0][1] <= 201 && numbers.length <= 100);
  }
  assert.ok(messages({ ...settings, isolates: 1 }).every(({ numbers }) => numbers.length === 100));
  assert.ok(messages({ ...settings, lingerMs: 0 }).every(({ numbers }) => numbers.length === 1));
});

test("a batch is full, or its time is up", () => {
  const at = (atMs) => ({ atMs, numbers: [] });
  const found = batches([0, 1, 2, 5_002, 5_003, 20_000].map(at), { batchMessages: 3, batchTimeoutMs: 5_000 });
  assert.deepEqual(found.map((batch) => batch.map(({ atMs }) => atMs)), [[0, 1, 2], [5_002, 5_003], [20_000]]);
});

test("twenty isolates at 50 requests a second fill messages with about 26 events", () => {
  const all = stream({ perSecond: 1_000, isolates: 20, seconds: 60 }).flat();
  const mean = 60_000 / all.length;
  assert.ok(mean > 22 && mean < 30, String(mean));
});

test("the stream is coalesced and batched as the Worker and its queue are set", async () => {
  const [config, wrangler] = await Promise.all(
    ["src/config.rs", "wrangler.toml"].map((path) => readFile(new URL(`../${path}`, import.meta.url), "utf8")),
  );
  const number = (text, pattern) => Number(pattern.exec(text)?.[1].replaceAll("_", ""));
  assert.deepEqual(DEFAULTS, {
    lingerMs: number(config, /"LINGER_MS", ([\d_]+)/),
    flushEvents: number(config, /"FLUSH_EVENTS", ([\d_]+)/),
    batchMessages: number(wrangler, /queue = "traffic-events"\nmax_batch_size = (\d+)/),
    batchTimeoutMs: 1_000 * number(wrangler, /max_batch_timeout = (\d+)/),
  });
});

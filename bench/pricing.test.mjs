import assert from "node:assert/strict";
import { test } from "node:test";

import { costPerMillion, perMillion, queueUnits, rowsWritten, since } from "./pricing.mjs";
import prices from "./prices.json" with { type: "json" };

test("a message is billed by begun units of 64 KB, its metadata included", () => {
  assert.deepEqual([1, 300, 60_000, 63_900, 63_901, 127_900].map(queueUnits), [1, 1, 1, 1, 2, 2]);
});

test("the plan's queue path costs what its parts cost, by hand", () => {
  // 500,000 events: each a read of KV, three operations of the queue, two rows in D1.
  const counts = { kvReads: 500_000, queueOperations: 1_500_000, queueMessages: 500_000, d1RowsWritten: 1_000_000 };
  const each = perMillion(counts, 500_000);
  assert.equal(rowsWritten(each), 2_000_000);
  assert.ok(Math.abs(costPerMillion(each) - (0.5 + 3 * 0.4 + 2 * 1)) < 1e-9);
});

test("objects cost by request and row", () => {
  const each = perMillion({ objectRequests: 10, objectRowsWritten: 20, objectRowsRead: 1_000 }, 10);
  assert.ok(Math.abs(costPerMillion(each) - (0.15 + 2 + 0.1)) < 1e-9);
});

test("what was counted before the run is none of its cost", () => {
  assert.deepEqual(since({ kvReads: 2 }, { kvReads: 5, d1RowsRead: 1 }), { kvReads: 3, d1RowsRead: 1 });
});

test("each price has a source and the table a date", () => {
  assert.match(prices.asOf, /^\d{4}-\d\d-\d\d$/);
  for (const [name, { usd, source }] of Object.entries(prices.perMillion)) {
    assert.ok(usd > 0 && source.startsWith("https://developers.cloudflare.com/"), name);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { BUSY, parseProcessors, percent, processors, shares } from "./quiet.mjs";

test("processor time is read as Linux writes it, and compared", () => {
  // user nice system idle iowait irq softirq steal guest guest_nice
  const before = parseProcessors("cpu  100 10 20 800 40 5 5 20 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n");
  assert.deepEqual(before, { all: 1_000, busy: 140, stolen: 20 });
  const after = parseProcessors("cpu  150 10 20 1240 40 5 5 30 0 0\n");
  assert.deepEqual(shares(before, after), { busy: 0.1, stolen: 0.02 });
  assert.equal(shares(before, before), null);
  assert.equal(shares(null, after), null);
  assert.deepEqual([percent(0.0123), percent(null)], ["1.2 %", "unknown"]);
});

test("a machine that works is not quiet", async () => {
  const before = await processors();
  for (const end = performance.now() + 500; performance.now() < end; );
  const found = shares(before, await processors());
  // Where the system doesn't tell, nothing is claimed.
  assert.ok(before === null || found.busy > BUSY, JSON.stringify(found));
});

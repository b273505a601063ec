import assert from "node:assert/strict";
import { test } from "node:test";

import { complaint, settle } from "./stored.mjs";

const of = (events, copies, more = {}) => ({ events, copies, ...more });

test("all stored is no complaint; anything else is one, with its number", () => {
  for (const [stores, stored, found] of [
    [1, of(10, 10, { exact: true, lost: 0, fallback: 0 }), null],
    [2, of(10, 20), null],
    [1, of(9, 10), "1 of 10 events are missing"],
    [2, of(10, 19), "1 of 20 copies in the stores are missing"],
    [1, of(11, 10), "1 events too many (11 instead of 10)"],
    [1, of(10, 10, { lost: 2, fallback: 3 }), "2 were given up as lost; 3 took the other path"],
    [1, of(10, 10, { exact: false }), "the count is not exact"],
  ]) {
    assert.equal(complaint({ sent: 10, stores, stored }), found);
  }
});

test("it waits for what still arrives, and not for what never does", async () => {
  let arrived = 0;
  const slow = () => Promise.resolve(of(++arrived, arrived));
  const late = await settle(slow, { sent: 2, stores: 1, patienceMs: 5_000 });
  assert.match(late.complaint, /^1 events too many \(3 instead of 2\); 1 copies in the stores too many/);
  const stuck = await settle(() => Promise.resolve(of(4, 4)), { sent: 5, stores: 1, patienceMs: 250 });
  assert.match(stuck.complaint, /1 of 5 events are missing/);
});

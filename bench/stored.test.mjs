import assert from "node:assert/strict";
import { test } from "node:test";

import { complaint, settle } from "./stored.mjs";

const of = (events, copies, more = {}) => ({ events, copies, ...more });

test("all stored is no complaint; anything else is one, with its number", () => {
  assert.equal(complaint({ sent: 10, stores: 1, stored: of(10, 10, { exact: true, lost: 0, fallback: 0 }) }), null);
  assert.equal(complaint({ sent: 10, stores: 2, stored: of(10, 20) }), null);
  assert.match(complaint({ sent: 10, stores: 1, stored: of(9, 9) }), /1 of 10 events are missing/);
  assert.match(complaint({ sent: 10, stores: 2, stored: of(10, 19) }), /1 of 20 copies in the stores are missing/);
  assert.match(complaint({ sent: 10, stores: 1, stored: of(11, 11) }), /1 events too many/);
  assert.match(complaint({ sent: 10, stores: 1, stored: of(10, 10, { lost: 2 }) }), /2 were given up as lost/);
  assert.match(complaint({ sent: 10, stores: 1, stored: of(10, 10, { fallback: 2 }) }), /2 took the other path/);
  assert.match(complaint({ sent: 10, stores: 1, stored: of(10, 10, { exact: false }) }), /not exact/);
});

test("it waits for what still arrives, and not for what never does", async () => {
  let arrived = 0;
  const slow = () => Promise.resolve(of(++arrived, arrived));
  const late = await settle(slow, { sent: 2, stores: 1, patienceMs: 5_000 });
  assert.match(late.complaint, /^1 events too many \(3 instead of 2\); 1 copies in the stores too many/);
  const stuck = await settle(() => Promise.resolve(of(4, 4)), { sent: 5, stores: 1, patienceMs: 250 });
  assert.match(stuck.complaint, /1 of 5 events are missing/);
});

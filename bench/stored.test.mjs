import assert from "node:assert/strict";
import { test } from "node:test";

import { alike, planId } from "./plan_ids.mjs";
import { requestOf } from "./requests.mjs";
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

test("requests with one ID may be counted as one, but no more than those", async () => {
  const ids = ["a", "b", "a", "c", "b", "d"];
  const idOf = ({ ray }) => ids[Number(ray.split("-")[1]) + (ray.startsWith("y") ? 3 : 0)];
  assert.equal(alike([{ run: "x", sent: 3 }, { run: "y", sent: 3 }], idOf), 2);
  assert.equal(alike([{ run: "x", sent: 2 }, { run: "y", sent: 3 }], idOf), 1);

  const stuck = (events) => () => Promise.resolve(of(events, events));
  const settled = (events) =>
    settle({ count: stuck(events), sent: 10, stores: 1, alike: () => 2, patienceMs: 250 });
  const [all, one, three] = await Promise.all([10, 9, 7].map(settled));
  assert.deepEqual([all.complaint, all.merged, one.complaint, one.merged], [null, 0, null, 1]);
  assert.match(three.complaint, /3 of 10 events are missing/);
});

// The gateway's own IDs, of `printf '10.0.0.0:/v1/orders/list:r-0' | sha256sum`.
test("the plan's IDs are those that its gateway makes", () => {
  assert.equal(planId(requestOf("r", 0)), "16d65dfc");
});

test("it waits for what still arrives, and not for what never does", async () => {
  let arrived = 0;
  const slow = () => Promise.resolve(of(++arrived, arrived));
  const late = await settle({ count: slow, sent: 2, stores: 1, patienceMs: 5_000 });
  assert.match(late.complaint, /^1 events too many \(3 instead of 2\); 1 copies in the stores too many/);
  const stuck = () => Promise.resolve(of(4, 4));
  const { complaint: found } = await settle({ count: stuck, sent: 5, stores: 1, patienceMs: 250 });
  assert.match(found, /1 of 5 events are missing/);
});

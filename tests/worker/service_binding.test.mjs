// Other Workers that call the gateway over a service binding, and hand on the ray of the request that they serve.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startGateway } from "./harness.mjs";

const CALLER = "tests/worker/calling_worker.mjs";
const ALL = Array(8).fill(200);

/** One request to the calling Worker, which makes eight of it. */
async function call(gateway, path) {
  const headers = { "CF-Ray": "one-ray", "CF-Connecting-IP": "203.0.113.1" };
  const response = await gateway.server.getWorker("caller").fetch(`https://caller${path}`, { headers });
  assert.deepEqual(await response.json(), ALL);
}

describe("calls over a service binding", { concurrency: 2, timeout: 120_000 }, () => {
  test("requests that another Worker makes under one ray count each", async (t) => {
    const gateway = await startGateway(t, { caller: CALLER });
    await call(gateway, "/made");
    assert.equal((await gateway.delivered({ old: 8 })).total.requests, 8);
  });

  test("copies of a whole request can't be told from repeats, unless the ray is not to be believed", async (t) => {
    const gateway = await startGateway(t, { caller: CALLER, vars: { REQUEST_ID: "random" } });
    await call(gateway, "/forwarded");
    assert.equal((await gateway.delivered({ old: 8 })).total.requests, 8);
  });
});

// The API as HTTP has it: methods, HEAD, entity tags, negotiation, and what a query may say.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startGateway } from "./harness.mjs";

describe("the API as HTTP", { concurrency: 3, timeout: 120_000 }, () => {
  test("another method is told which there are, and HEAD is GET without a body", async (t) => {
    const gateway = await startGateway(t);
    for (const [method, path, allow] of [
      ["DELETE", "/v1/flag", "GET, HEAD, PUT"],
      ["PUT", "/v1/stats", "GET, HEAD"],
      ["PATCH", "/v1/flag/rollback", "POST"],
      ["GET", "/ofrep/v1/evaluate/flags", "POST"],
      ["POST", "/health", "GET, HEAD"],
    ]) {
      const response = await gateway.request(`/_collector${path}`, { method });
      assert.deepEqual([response.status, response.headers.get("Allow")], [405, allow], path);
      assert.ok((await response.json()).detail.includes(allow));
    }
    for (const path of ["v1/stats?detail=total", "v1/flag", "health", "metrics", "v1/nothing"]) {
      const [head, get] = await Promise.all(
        ["HEAD", "GET"].map((method) => gateway.request(`/_collector/${path}`, { method })),
      );
      assert.deepEqual([head.status, await head.text()], [get.status, ""], path);
      assert.equal(head.headers.get("Content-Type"), get.headers.get("Content-Type"));
      assert.equal(get.headers.get("X-Content-Type-Options"), "nosniff");
      await get.arrayBuffer();
    }
  });

  test("what a query says is known, or refused by name", async (t) => {
    const gateway = await startGateway(t);
    /** @type {[string, RegExp][]} */
    const refused = [
      ["stats?rnage=1h", /^`rnage`: no such parameter; \/v1\/stats takes range, from, to, detail$/],
      ["ids?store=old&path=/a", /^`path`: no such parameter/],
      ["flag?version=3", /^`version`: no such parameter; \/v1\/flag takes none$/],
      ["stats?range=1h&range=6h", /^`range`: it is given twice/],
      ["stats?range=1h&from=1730956800000", /^`from`: .*give either `range`, or `from` and `to`/],
      ["stats?detail=all", /^`detail`: .*give total/],
      ["paths?format=xml", /^`format`: .*give csv/],
    ];
    for (const [route, detail] of refused) {
      const response = await gateway.request(`/_collector/v1/${route}`);
      assert.equal(response.status, 400, route);
      assert.match((await response.json()).detail, detail);
    }
  });

  test("a reader who has the answer already is told so, however it names it", async (t) => {
    const gateway = await startGateway(t);
    const etag = (await gateway.request("/_collector/v1/flag/document")).headers.get("ETag");
    const status = async (known) =>
      (await gateway.request("/_collector/v1/flag/document", { headers: { "If-None-Match": known } })).status;
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, etag.replaceAll('"', ""), "*"]) {
      assert.equal(await status(known), 304, known);
    }
    assert.equal(await status('"other"'), 200);
  });

  test("the scheme of a token may be in any case", async (t) => {
    const gateway = await startGateway(t, { secrets: { READ_TOKEN: "reads" }, vars: { LOCAL_DEVELOPMENT: "false" } });
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      const headers = { Authorization: `${scheme} reads` };
      assert.equal((await gateway.request("/_collector/v1/flag", { headers })).status, 200, scheme);
    }
  });
});

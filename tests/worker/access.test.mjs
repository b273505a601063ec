// Who gets in: login and sessions of browsers, the page they open, and Cloudflare Access.
import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";

import { ask } from "./ask.mjs";
import { eventually, startGateway, startUpstream } from "./harness.mjs";

const SECRETS = { READ_TOKEN: "reader", ADMIN_TOKEN: "admin" };
const CLOSED = { vars: { LOCAL_DEVELOPMENT: "false" }, secrets: SECRETS };
const HOUR_MS = 3_600_000;
const STOP = { updatedBy: "op", reason: "test" };

const form = (token) => ({ method: "POST", body: new URLSearchParams({ token }) });

/** Logs in; gives the answer and the session as a `Cookie` header. */
async function login(gateway, token, more = {}) {
  const response = await gateway.request("/_collector/login", { ...form(token), ...more });
  const [set] = response.headers.getSetCookie();
  return { response, set, cookie: set?.split(";")[0] };
}

const opened = (gateway, path, cookie, headers = {}) =>
  gateway.request(path, { headers: { ...(cookie && { Cookie: cookie }), ...headers } });

const location = (response) => [response.status, response.headers.get("Location")];

/** What `login.html` was made to say. */
const says = async (response) => /data-login="(\w+)"/.exec(await response.text())?.[1];

describe("login", { concurrency: 3, timeout: 120_000 }, () => {
  test("opens a session that reads, by a cookie that scripts, other sites and the upstream never see", async (t) => {
    const seen = [];
    const upstream = (request, response) => response.end(seen.push(request.url) && "ok");
    const gateway = await startGateway(t, { ...CLOSED, upstream });
    assert.deepEqual(location(await opened(gateway, "/_collector/?range=24h")), [303, "/_collector/login"]);
    assert.equal((await opened(gateway, "/_collector/v1/flag")).status, 401);
    const form = await opened(gateway, "/_collector/login");
    assert.deepEqual([form.status, await says(form)], [200, "open"]);

    const { response, set, cookie } = await login(gateway, " reader\n");
    assert.deepEqual(location(response), [303, "/_collector/"]);
    const [session, ...attributes] = set.split("; ");
    assert.match(session, /^path_collector_session=v1\.r\.\d{13}\.[0-9a-f]{32}\.[0-9a-f]{64}$/);
    assert.deepEqual(attributes, ["Path=/_collector", "Max-Age=43200", "HttpOnly", "SameSite=Strict", "Secure"]);
    assert.notEqual((await login(gateway, "reader")).cookie, cookie, "each session has a nonce of its own");
    for (const path of ["/_collector/", "/_collector/paths", "/_collector/v1/flag", "/_collector/v1/stats"]) {
      assert.equal((await opened(gateway, path, cookie)).status, 200, path);
    }
    const evaluation = { method: "POST", body: '{"context":{"targetingKey":"x"}}', headers: { Cookie: cookie } };
    assert.equal((await gateway.request("/_collector/ofrep/v1/evaluate/flags/collector", evaluation)).status, 200);
    assert.deepEqual(seen, [], "nothing of it reached the upstream");
  });

  test("refuses wrong tokens, throttles who guesses on, and lets a right one in all the same", async (t) => {
    const gateway = await startGateway(t, CLOSED);
    const attempt = async (token, ip) => {
      const { response, set } = await login(gateway, token, { ip });
      return [response.status, await says(response), set];
    };
    // An empty form guesses nothing.
    for (let n = 0; n < 12; n += 1) assert.deepEqual(await attempt("", "192.0.2.1"), [401, "refused", undefined]);
    for (let n = 0; n < 10; n += 1) {
      assert.deepEqual(await attempt(`guess-${n}`, "192.0.2.1"), [401, "refused", undefined]);
    }
    assert.deepEqual(await attempt("guess-10", "192.0.2.1"), [429, "locked", undefined]);
    const bearer = (token) => ({ ip: "192.0.2.1", headers: { Authorization: `Bearer ${token}` } });
    for (const path of ["/_collector/v1/flag", "/_collector/"]) {
      const { status, headers } = await gateway.request(path, bearer("guess-11"));
      assert.deepEqual([status, headers.get("Retry-After")], [429, "60"], `one count for all doors: ${path}`);
    }
    // The address may be shared: with an attacker, by an office.
    const form = await gateway.request("/_collector/login", { ip: "192.0.2.1" });
    assert.deepEqual([form.status, await says(form)], [200, "open"]);
    const { response, cookie } = await login(gateway, "admin", { ip: "192.0.2.1" });
    assert.deepEqual(location(response), [303, "/_collector/"]);
    const session = { ip: "192.0.2.1", headers: { Cookie: cookie } };
    for (const right of [bearer("admin"), session]) {
      assert.equal((await gateway.request("/_collector/v1/flag", right)).status, 200);
    }
    assert.deepEqual(gateway.logged(/192\.0\.2|guess-/), []);
  });

  test("takes a form, no more than a few kilobytes of it, and nothing from another site", async (t) => {
    const gateway = await startGateway(t, CLOSED);
    assert.equal((await login(gateway, "x".repeat(5_000))).response.status, 413);
    const elsewhere = { "Sec-Fetch-Site": ["cross-site", "same-site"], Origin: ["https://evil.example"] };
    const pairs = Object.entries(elsewhere).flatMap(([name, values]) => values.map((value) => ({ [name]: value })));
    assert.equal(pairs.length, 3);
    for (const headers of pairs) {
      for (const path of ["/_collector/login", "/_collector/logout"]) {
        const response = await gateway.request(path, { ...form("admin"), headers });
        assert.deepEqual([response.status, response.headers.getSetCookie()], [403, []], path);
      }
    }
    const own = { "Sec-Fetch-Site": "same-origin", Origin: "null" };
    const { response } = await login(gateway, "admin", { headers: own });
    assert.equal(response.status, 303);
    assert.equal((await gateway.request("/_collector/logout")).status, 405);
  });

  test("ends by logout, with time, and when a secret changes; forged cookies are none", async (t) => {
    const gateway = await startGateway(t, CLOSED);
    const status = async (cookie, at = gateway) => (await opened(at, "/_collector/v1/flag", cookie)).status;
    const { cookie } = await login(gateway, "reader");
    const out = await gateway.request("/_collector/logout", { method: "POST", headers: { Cookie: cookie } });
    assert.deepEqual(location(out), [303, "/_collector/login"]);
    assert.match(out.headers.getSetCookie()[0], /^path_collector_session=; Path=\/_collector; Max-Age=0; HttpOnly;/);

    const [name, value] = cookie.split("=");
    const [version, , expires, nonce, mac] = value.split(".");
    const forged = createHmac("sha256", "guess").update(`v1.a.${expires}.${nonce}`).digest("hex");
    for (const fields of [
      [version, "a", expires, nonce, mac],
      [version, "r", Number(expires) + 1, nonce, mac],
      [version, "a", expires, nonce, forged],
      [version, "r", expires, nonce, ""],
      [],
    ]) {
      assert.equal(await status(`${name}=${fields.join(".")}`), 401, fields.join("."));
    }
    await gateway.setClock(Date.now() + 12 * HOUR_MS - 60_000);
    assert.equal(await status(cookie), 200);
    await gateway.setClock(Date.now() + 12 * HOUR_MS + 1);
    assert.equal(await status(cookie), 401);

    for (const changed of [{ READ_TOKEN: "another" }, { ADMIN_TOKEN: "another" }]) {
      const later = await startGateway(t, { ...CLOSED, secrets: { ...SECRETS, ...changed } });
      assert.equal(await status(cookie, later), 401, JSON.stringify(changed));
    }
  });

  test("without secrets is closed, and says what to do", async (t) => {
    const gateway = await startGateway(t, { vars: { LOCAL_DEVELOPMENT: "false" } });
    assert.deepEqual(location(await opened(gateway, "/_collector/")), [303, "/_collector/login"]);
    for (const response of [await opened(gateway, "/_collector/login"), (await login(gateway, "")).response]) {
      assert.deepEqual([response.status, response.headers.getSetCookie(), await says(response)], [403, [], "closed"]);
    }
    // What would be signed by the key of no secrets.
    const label = createHmac("sha256", "path-collector/session/v1").update(Buffer.alloc(16)).digest();
    const signed = `v1.a.${Date.now() + HOUR_MS}.${"0".repeat(32)}`;
    const cookie = `path_collector_session=${signed}.${createHmac("sha256", label).update(signed).digest("hex")}`;
    assert.equal((await opened(gateway, "/_collector/v1/flag", cookie)).status, 403);
  });

  test("with secrets of its own, local development has a cookie that works without TLS", async (t) => {
    const gateway = await startGateway(t, { secrets: SECRETS });
    assert.doesNotMatch((await login(gateway, "reader")).set, /Secure/);
    assert.deepEqual(location(await opened(gateway, "/_collector/")), [303, "/_collector/login"]);
    const open = await startGateway(t);
    assert.deepEqual(location((await login(open, "")).response), [303, "/_collector/"]);
    assert.equal((await opened(open, "/_collector/")).status, 200);
  });

  test("of an administrator changes something only when the collector's own page asks", async (t) => {
    const gateway = await startGateway(t, CLOSED);
    const { origin } = (await gateway.server.listen()).url;
    const stop = async (cookie, headers) =>
      (await gateway.order("POST", "v1/flag/stop", STOP, { ...(cookie && { Cookie: cookie }), ...headers })).status;
    const { cookie } = await login(gateway, "admin");
    for (const [headers, expected] of [
      [{ "Sec-Fetch-Site": "same-origin" }, 200],
      [{ Origin: origin }, 200],
      [{}, 403],
      [{ Origin: "null" }, 403],
      [{ Origin: "https://evil.example" }, 403],
      [{ "Sec-Fetch-Site": "cross-site" }, 403],
      [{ "Sec-Fetch-Site": "same-site", Origin: origin }, 403],
      [{ Authorization: "Bearer admin", "Sec-Fetch-Site": "cross-site" }, 200],
      [{ Authorization: "Bearer wrong", "Sec-Fetch-Site": "same-origin" }, 401],
    ]) {
      assert.equal(await stop(cookie, headers), expected, JSON.stringify(headers));
    }
    const reader = await login(gateway, "reader");
    assert.equal(await stop(reader.cookie, { "Sec-Fetch-Site": "same-origin" }), 401);
  });
});

const NO_SITE_FRAMES_IT = "base-uri 'none'; frame-ancestors 'none'";

/** What everything that a browser shows must be sent with. */
function assertGuarded(response, policy = `default-src 'none'; ${NO_SITE_FRAMES_IT}`) {
  assert.equal(response.headers.get("Content-Security-Policy"), policy);
  const headers = { "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };
  for (const [name, value] of Object.entries({ ...headers, "Cross-Origin-Opener-Policy": "same-origin" })) {
    assert.equal(response.headers.get(name), value, `${response.url}: ${name}`);
  }
}

/** What a page must be sent with; gives the nonce, which is of this response alone. */
function assertPageGuarded(response, seen) {
  const [, nonce] = /'nonce-([0-9a-f]{32})'/.exec(response.headers.get("Content-Security-Policy"));
  const own = `script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src 'self' data:; connect-src 'self'`;
  assertGuarded(response, `default-src 'none'; ${own}; form-action 'self'; ${NO_SITE_FRAMES_IT}`);
  assert.ok(!seen.has(nonce), "a nonce is of one response");
  seen.add(nonce);
  return nonce;
}

/** What a page must be sent with, and have in it; gives its text. */
async function assertPage(response, seen) {
  const nonce = assertPageGuarded(response, seen);
  const text = await response.text();
  const tags = text.match(/<(script|style)[^>]*>/g).filter((tag) => !tag.includes("application/json"));
  assert.ok(tags.length >= 2 && tags.every((tag) => tag.includes(` nonce="${nonce}"`)), tags.join());
  return text;
}

describe("the page", { concurrency: 3, timeout: 120_000 }, () => {
  test("is served at every route without extension, never kept, with the newest snapshot in it", async (t) => {
    const gateway = await startGateway(t);
    const hostile = { computedAt: 1, routes: ["</script><script>alert(1)</script>"] };
    const object = (await gateway.env()).PATH_COLLECTOR.getByName("default");
    await ask(object, "keepSnapshot", JSON.stringify(hostile));
    const seen = new Set();
    for (const path of ["/_collector/", "/_collector/paths", "/_collector/any/thing?range=24h"]) {
      const response = await opened(gateway, path);
      assert.deepEqual([response.status, response.headers.get("Cache-Control")], [200, "no-store"]);
      assert.equal(response.headers.get("Content-Type"), "text/html; charset=utf-8");
      const [, json] = /<script type="application\/json" id="snapshot">(.*?)<\/script>/.exec(await assertPage(response, seen));
      const { ageMs, ...snapshot } = JSON.parse(json);
      assert.deepEqual([snapshot, ageMs > 1_000], [hostile, true]);
    }
    const head = await gateway.request("/_collector/", { method: "HEAD" });
    assertPageGuarded(head, seen);
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    assert.deepEqual(location(await opened(gateway, "/_collector?range=1h")), [303, "/_collector/?range=1h"]);
    await gateway.fault({ FLAGS: "hangs", PATH_COLLECTOR: "hangs" });
    assert.equal((await opened(gateway, "/_collector/")).status, 200, "a snapshot is not waited for");
  });

  test("has files that need no login, are revalidated, and are nobody else's", async (t) => {
    const upstream = (request, response) => response.end(`upstream ${request.url}`);
    const gateway = await startGateway(t, { ...CLOSED, upstream });
    const types = { "uplot.LICENSE.txt": "text/plain", "icon.svg": "image/svg+xml", "openapi.json": "application/json" };
    for (const [file, type] of Object.entries(types)) {
      const response = await opened(gateway, `/_collector/${file}`);
      assertGuarded(response);
      const built = new URL(`../../dashboard/dist/${file}`, import.meta.url);
      assert.equal(await response.text(), await readFile(built, "utf8"));
      assert.deepEqual([response.status, response.headers.get("Cache-Control")], [200, "no-cache"]);
      assert.ok(response.headers.get("Content-Type").startsWith(type));
      const known = await opened(gateway, `/_collector/${file}`, "", { "If-None-Match": response.headers.get("ETag") });
      assert.deepEqual([known.status, await known.text()], [304, ""]);
    }
    for (const path of ["/icon.svg", "/app.js", "/index.html", "/login.html", "/style.css", "/", "/_collectors/icon.svg"]) {
      assert.equal(await (await opened(gateway, path)).text(), `upstream ${path}`);
    }
    for (const path of ["index.html", "login.html", "none.js", "app.js", "..%2ficon.svg", "icon.svg/..%2f..%2fwrangler.toml"]) {
      const response = await opened(gateway, `/_collector/${path}`);
      assertGuarded(response);
      assert.equal(response.status, 404, path);
    }
    for (const method of ["POST", "PUT", "DELETE"]) {
      const response = await gateway.request("/_collector/icon.svg", { method });
      assert.deepEqual([response.status, response.headers.get("Allow")], [405, "GET, HEAD"]);
    }
  });

  test("that was not built says how to build it, while login and API go on", async (t) => {
    const gateway = await startGateway(t, { ...CLOSED, files: null });
    const { cookie, response } = await login(gateway, "reader");
    assert.equal(response.status, 303);
    assert.equal((await opened(gateway, "/_collector/v1/flag", cookie)).status, 200);
    for (const path of ["/_collector/", "/_collector/login"]) {
      const missing = await opened(gateway, path, cookie);
      assertGuarded(missing);
      assert.deepEqual([missing.status, missing.headers.get("Content-Type")], [503, "text/plain; charset=utf-8"]);
      assert.match(await missing.text(), /make build/);
    }
    assert.deepEqual((await login(gateway, "wrong")).response.status, 401);
  });
});

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A team of Cloudflare Access with one key, and the tokens that it issues. */
class Team {
  #pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  asked = 0;
  down = false;

  constructor(kid) {
    this.kid = kid;
  }

  async listen(t) {
    const { url } = await startUpstream(t, (request, response) => {
      this.asked += 1;
      response.statusCode = this.down || request.url !== "/cdn-cgi/access/certs" ? 500 : 200;
      response.end(JSON.stringify({ keys: [this.jwk()] }));
    });
    this.url = url;
    return this;
  }

  jwk() {
    return { ...this.#pair.publicKey.export({ format: "jwk" }), kid: this.kid, alg: "RS256", use: "sig" };
  }

  token(claims = {}, header = {}) {
    const seconds = Math.floor(Date.now() / 1000);
    const times = { iat: seconds, nbf: seconds, exp: seconds + 600 };
    const all = { iss: this.url, aud: ["tag"], sub: "someone", ...times, ...claims };
    const signed = `${base64url({ alg: "RS256", kid: this.kid, typ: "JWT", ...header })}.${base64url(all)}`;
    return `${signed}.${createSign("RSA-SHA256").update(signed).sign(this.#pair.privateKey, "base64url")}`;
  }
}

describe("Cloudflare Access", { concurrency: 3, timeout: 120_000 }, () => {
  const settings = (team) => ({ secrets: SECRETS, vars: { ACCESS_TEAM_DOMAIN: team.url, ACCESS_AUD: "tag" } });
  const read = (gateway, assertion) =>
    opened(gateway, "/_collector/v1/flag", "", { "Cf-Access-Jwt-Assertion": assertion });

  test("lets its users read, not change, and asks for keys once", async (t) => {
    const team = await new Team("k1").listen(t);
    const gateway = await startGateway(t, settings(team));
    const assertion = team.token();
    assert.equal((await read(gateway, assertion)).status, 200);
    const page = await opened(gateway, "/_collector/", "", { "Cf-Access-Jwt-Assertion": assertion });
    assert.equal(page.status, 200);
    const change = { "Cf-Access-Jwt-Assertion": assertion, "Sec-Fetch-Site": "same-origin" };
    assert.equal((await gateway.order("POST", "v1/flag/stop", STOP, change)).status, 401);
    for (let n = 0; n < 5; n += 1) assert.equal((await read(gateway, team.token({ aud: "tag" }))).status, 200);
    assert.equal(team.asked, 1);
  });

  test("refuses what is forged, for others, or out of date; asks for no keys where it is not for us", async (t) => {
    const team = await new Team("k1").listen(t);
    const gateway = await startGateway(t, settings(team));
    const seconds = Math.floor(Date.now() / 1000);
    const refused = async (assertion, why) => {
      const response = await read(gateway, assertion);
      assert.equal(response.status, 401, why);
      assert.match((await response.json()).detail, why);
    };
    await refused("nonsense", /no signature/);
    await refused(team.token({}, { alg: "none" }), /RS256/);
    await refused(team.token({}, { alg: "HS256" }), /RS256/);
    await refused(team.token({ aud: ["other"] }), /another application/);
    await refused(team.token({ iss: "https://evil.example" }), /another team/);
    await refused(team.token({ exp: seconds - 61 }), /expired/);
    await refused(team.token({ nbf: seconds + 300 }), /not valid yet/);
    assert.equal(team.asked, 0);
    const [header, claims, signature] = team.token().split(".");
    const changed = base64url({ ...JSON.parse(Buffer.from(claims, "base64url").toString()), sub: "admin" });
    await refused(`${header}.${changed}.${signature}`, /signature/);
    await refused(`${header}.${claims}.${Buffer.alloc(256, 1).toString("base64url")}`, /signature/);
    const impostor = new Team("k1");
    impostor.url = team.url;
    await refused(impostor.token(), /signature/);
    for (let n = 0; n < 5; n += 1) await refused(team.token({}, { kid: `k${n + 2}` }), /not one of the team's/);
    assert.equal(team.asked, 1, "unknown keys are asked for once a minute at most");
    assert.equal((await read(gateway, team.token())).status, 200);
  });

  test("takes up a new key, and goes on with known ones while the team gives none", async (t) => {
    const team = await new Team("k1").listen(t);
    const gateway = await startGateway(t, settings(team));
    team.down = true;
    assert.equal((await read(gateway, team.token())).status, 503);
    team.down = false;
    await gateway.setClock(Date.now() + 5_000);
    assert.equal((await read(gateway, team.token({ exp: Date.now() }))).status, 200);
    team.kid = "k2";
    await gateway.setClock(Date.now() + 70_000);
    const lasting = () => team.token({ exp: Math.floor(Date.now() / 1000) + 7 * 24 * 3_600 });
    assert.equal((await read(gateway, lasting())).status, 200, "a new key");
    team.down = true;
    await gateway.setClock(Date.now() + 3 * HOUR_MS);
    assert.equal((await read(gateway, lasting())).status, 200, "an hour old, and no other to be had");
    await gateway.setClock(Date.now() + 30 * HOUR_MS);
    assert.equal((await read(gateway, lasting())).status, 503, "over a day old");
  });

  test("is off, and said to be, where it is set by half or in the clear outside of local development", async (t) => {
    const team = await new Team("k1").listen(t);
    for (const vars of [{ ACCESS_TEAM_DOMAIN: team.url }, { ...settings(team).vars, LOCAL_DEVELOPMENT: "false" }]) {
      const gateway = await startGateway(t, { secrets: SECRETS, vars });
      assert.equal((await read(gateway, team.token())).status, 401);
      await eventually(() => assert.equal(gateway.logged(/Setting `ACCESS_(TEAM_DOMAIN|AUD)`/).length, 1));
    }
    assert.equal(team.asked, 0);
  });
});

// A stand-in for the Worker: serves the built dashboard under the same policy, and the API from made-up traffic.
//
//   node tests/dashboard/mock/server.mjs [PORT] [busy|empty|trouble|down|closed]
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import { Operation } from "./operation.mjs";
import { Traffic } from "./traffic.mjs";

const DIST = new URL("../../../dashboard/dist/", import.meta.url);
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
};
const NONCE = "of-this-response"; // the built pages have it
const POLICY =
  `default-src 'none'; script-src 'nonce-${NONCE}'; style-src 'nonce-${NONCE}'; img-src 'self' data:; ` +
  "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const SORTS = {
  path: (a, b) => (a.path < b.path ? -1 : 1),
  requests: (a, b) => a.requests - b.requests,
  errors: (a, b) => a.status["5xx"] - b.status["5xx"],
  p50: (a, b) => a.responseTime.p50 - b.responseTime.p50,
  p95: (a, b) => a.responseTime.p95 - b.responseTime.p95,
  p99: (a, b) => a.responseTime.p99 - b.responseTime.p99,
};
const TOKEN = "open-sesame";

const problem = (status, title, detail) => Object.assign(new Error(detail), { status, title });

export class Mock {
  /** `scenario`: busy, empty, trouble, down (every read fails) or closed (a token is needed). */
  constructor(scenario = "busy") {
    this.enter(scenario);
    this.hold = false; // whether the API leaves its callers waiting
    this.withSnapshot = true;
    this.asked = [];
    this.unchanged = 0; // answers that were as before
  }

  enter(scenario) {
    const state = ["empty", "trouble"].includes(scenario) ? scenario : "busy";
    Object.assign(this, {
      scenario,
      traffic: new Traffic({ isEmpty: state === "empty" }),
      operation: new Operation({ state }),
    });
  }

  async listen(port = 0) {
    this.server = createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.url);
    const isOwn = url.pathname.startsWith("/_collector/");
    if (!isOwn) {
      // The gateway: a request that is passed on, and counted.
      this.traffic.extra.push({ path: url.pathname, at: Date.now(), status: 200 });
      return response.end("upstream\n");
    }
    try {
      const route = url.pathname.slice("/_collector/".length);
      if (route === "login" || route === "logout") return await this.#session(route, request, response);
      if (!route.startsWith("v1/")) return await this.#file(route || "index.html", request, response);
      this.asked.push(url.pathname + url.search);
      if (this.hold) return;
      this.#json(request, response, 200, this.#api(route.slice(3), url.searchParams, request, response));
    } catch (error) {
      const { status = 500, title = "Bad request", message } = error;
      this.#json(
        request,
        response,
        status,
        { type: "about:blank", title, status, detail: message },
        "application/problem+json",
      );
    }
  }

  #json(request, response, status, value, type = "application/json") {
    if (response.writableEnded) return;
    const text = JSON.stringify(value);
    const ETag = `"${createHash("sha256").update(text).digest("hex").slice(0, 16)}"`;
    if (status === 200 && request.headers["if-none-match"] === ETag) {
      this.unchanged += 1;
      response.writeHead(304, { ETag }).end();
      return;
    }
    response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store", ETag }).end(text);
  }

  isOpen(request) {
    return this.scenario !== "closed" || (request.headers.cookie ?? "").includes(`session=${TOKEN}`);
  }

  async #session(route, request, response) {
    if (request.method === "GET") return await this.#file("login.html", request, response, { isFree: true });
    let body = "";
    for await (const chunk of request) body += chunk;
    const isRight = new URLSearchParams(body).get("token") === TOKEN;
    const cookie = `session=${route === "login" ? TOKEN : "none"}; HttpOnly; SameSite=Lax; Path=/_collector/`;
    if (route === "logout" || isRight)
      return response.writeHead(303, { Location: "/_collector/", "Set-Cookie": cookie }).end();
    await this.#file("login.html", request, response, { isFree: true, login: "refused", status: 401 });
  }

  async #file(name, request, response, { isFree = false, login, status = 200 } = {}) {
    const isPage = name === "index.html";
    if (isPage && !isFree && !this.isOpen(request))
      return await this.#file("login.html", request, response, { isFree: true, status: 401 });
    let content = await readFile(new URL(name, DIST)).catch(() => null);
    if (content === null) throw problem(404, "Not found", `there is no ${name}`);
    if (isPage && this.scenario === "closed")
      content = content.toString().replace('data-session="none"', 'data-session="open"');
    if (login) content = content.toString().replace('data-login="open"', `data-login="${login}"`);
    if (isPage && this.withSnapshot && this.scenario !== "down") {
      const snapshot = JSON.stringify(this.snapshot()).replaceAll("<", "\\u003c");
      content = content.toString().replace('id="snapshot">null<', () => `id="snapshot">${snapshot}<`);
    }
    response
      .writeHead(status, {
        "Content-Type": TYPES[extname(name)],
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
      })
      .end(content);
  }

  snapshot() {
    const query = new URLSearchParams({ range: "1h" });
    const show = (route, more = {}) =>
      this.#show(route, new URLSearchParams({ ...Object.fromEntries(query), ...more }));
    const { exact, total } = show("stats");
    const [hour, day] = ["hour", "day"].map((kind) => this.operation.parity.reports(kind, 2)[1] ?? null);
    return {
      computedAt: Date.now() - 25_000,
      ageMs: 25_000,
      range: "1h",
      stats: { exact, total },
      series: show("series"),
      paths: show("paths", { limit: "50" }),
      flag: this.operation.flag(),
      parity: { hour, day },
      health: this.operation.health(),
    };
  }

  #api(route, query, request, response) {
    if (!this.isOpen(request))
      throw problem(401, "Unauthorized", "give the token of READ_TOKEN or ADMIN_TOKEN as `Authorization: Bearer …`");
    if (this.scenario === "down")
      throw problem(503, "Store unavailable", "a store can't be read now; counting goes on, try again");
    if (route === "paths" && query.get("format") === "csv") {
      const rows = this.#paths(query).map(({ path, requests }) => `"${path}",${requests}`);
      response.writeHead(200, {
        "Content-Type": "text/csv",
        "Content-Disposition": 'attachment; filename="paths.csv"',
      });
      response.end(["path,requests", ...rows].join("\r\n"));
      return null;
    }
    const shown = this.#show(route, query);
    const isMerged = /^(stats|series|paths)/.test(route);
    return this.missing && isMerged ? { ...shown, exact: false, missing: this.missing } : shown;
  }

  #paths(query) {
    const search = (query.get("search") ?? "").toLowerCase();
    const [sort, order] = [query.get("sort") ?? "requests", query.get("order") ?? "desc"];
    if (!SORTS[sort]) throw problem(400, "Bad request", "`sort`: give requests, errors, p50, p95, p99 or path");
    const list = this.traffic
      .paths(this.traffic.range(query))
      .filter(({ path }) => path.toLowerCase().includes(search));
    list.sort(SORTS[sort]);
    return order === "desc" ? list.reverse() : list;
  }

  #show(route, query) {
    const { traffic, operation } = this;
    const [name, rest = "", more] = route.split("/");
    const range = traffic.range(query);
    const { from, to, step } = range;
    const path = name === "paths" && rest ? decodeURIComponent(rest) : query.get("path");
    switch (name) {
      case "stats": {
        const paths = traffic.paths(range).map(({ spark: _spark, ...figures }) => figures);
        return { from, to, exact: true, total: traffic.total(range), paths, stores: {} };
      }
      case "series":
        return traffic.series(range, path);
      case "paths":
        if (more === "series") return traffic.series(range, path);
        if (rest) {
          const figures = traffic.figures(
            traffic.routes().find((one) => one.path === path) ?? { path, perMinute: 0 },
            range,
          );
          return { from, to, exact: true, path, figures, histogram: traffic.histogram(figures) };
        } else {
          const all = this.#paths(query);
          const [begin, limit] = [Number(query.get("cursor") || 0), Number(query.get("limit") ?? 50)];
          const paths = all.slice(begin, begin + limit).map(({ addresses: _addresses, ...figures }) => figures);
          const next = begin + limit < all.length ? String(begin + limit) : null;
          return { from, to, exact: true, routes: all.length, sparkStepMs: step, paths, next };
        }
      case "exemplars": {
        const [sample, slowest] = traffic.exemplars(range, path);
        this.seen = [...(this.seen ?? []), ...sample, ...slowest].slice(-500);
        return { from, to, sample, slowest };
      }
      case "trace":
        return operation.trace(
          rest,
          (this.seen ?? []).find(({ idempotentId }) => idempotentId === rest) ?? this.#different(rest),
        );
      case "flag":
        return {
          "": () => operation.flag(),
          document: () => operation.document(),
          history: () => ({ history: operation.documents(), stops: operation.stop ? [{ ...operation.stop, released: null }] : [] }),
          status: () => operation.status(),
        }[rest]();
      case "parity":
        return rest
          ? this.#report(rest)
          : {
              reports: operation.parity
                .reports(query.get("kind") ?? "hour", Number(query.get("limit") ?? 24))
                .map(({ differences: _d, paths: _p, gaps: _g, ...report }) => report),
            };
      case "readiness":
        return operation.parity.readiness();
      case "health":
        return operation.health();
      case "dead-letters":
        return operation.deadLetters();
      case "snapshot":
        return this.snapshot();
      default:
        throw problem(404, "Not found", `there is no ${route}`);
    }
  }

  #report(text) {
    const [kind, start] = text.split(":");
    const length = kind === "day" ? 86_400_000 : 3_600_000;
    const from = Number(start);
    if (!from || this.scenario === "empty")
      throw problem(404, "Not found", `there is no report on ${text}; POST parity/run makes one`);
    const { gaps, ...report } = this.operation.parity.report({ kind, from, to: from + length });
    return { ...report, loss: { ...report.loss, gaps } };
  }

  /** An event of some report's differences. */
  #different(id) {
    const list = this.operation.parity.reports("hour", 40).flatMap(({ differences }) => differences);
    const found = list.find(({ idempotentId }) => idempotentId === id);
    return found && { ...found, status: 200, responseTime: 41, isLost: found.reason === "dead-lettered" };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await new Mock(process.argv[3]).listen(Number(process.argv[2] ?? 8788));
  console.log(`${mock.url}/_collector/`);
}

// Traffic that looks real and is the same for the same clock: 46 routes with a daily course, noise, and an incident.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const RANGES = {
  "15m": [15 * MINUTE, MINUTE],
  "1h": [HOUR, MINUTE],
  "6h": [6 * HOUR, 5 * MINUTE],
  "24h": [DAY, 15 * MINUTE],
  "7d": [7 * DAY, 3 * HOUR],
  "30d": [30 * DAY, 6 * HOUR],
  "90d": [90 * DAY, DAY],
};

const NAMES = `
/ /health /api/users /api/users/{id} /api/users/{id}/orders /api/users/{id}/avatar /api/orders /api/orders/{id}
/api/orders/{id}/items /api/orders/{id}/refund /api/products /api/products/{id} /api/products/{id}/reviews
/api/products/{id}/stock /api/search /api/search/suggest /api/cart /api/cart/items /api/cart/items/{id}
/api/checkout /api/checkout/{session}/confirm /api/payments /api/payments/{id} /api/payments/{id}/capture
/api/sessions /api/sessions/refresh /api/notifications /api/notifications/{id}/read /api/webhooks/stripe
/api/webhooks/github /api/reports/daily /api/reports/{year}/{month} /api/export/{format} /api/admin/users
/api/admin/users/{id}/roles /api/admin/audit /graphql /static/app.js /static/styles.css /static/img/{file} /docs
/docs/{page} /docs/reference/{section}/{page} /login (unmatched)
/api/organisations/{organisation}/projects/{project}/environments/{environment}/deployments/{deployment}/logs`;

/** A number from 0 to 1 that depends on the text alone. */
export function chance(text) {
  let hash = 2166136261;
  for (let n = 0; n < text.length; n++) hash = Math.imul(hash ^ text.charCodeAt(n), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

/** Requests a minute, median in ms and share of server errors; a few routes have most of the traffic. */
export const ROUTES = NAMES.trim()
  .split(/\s+/)
  .map((path, n) => ({
    path,
    perMinute: 900 / (1 + n * 0.55) ** 1.25 + 0.4,
    median: 4 + 60 * chance(`${path} ms`) ** 2 + (/report|export|search|graphql/.test(path) ? 120 : 0),
    bad: path === "/api/payments" ? 0.02 : 0.004 * chance(`${path} bad`) ** 3,
    lost: path === "(unmatched)" ? 0.97 : 0.03 * chance(`${path} 4xx`),
  }));

const daily = (at) => 0.62 + 0.38 * Math.sin(((at % DAY) / DAY) * 2 * Math.PI - 1.9);

/** What of an hour ago was an incident. */
const incident = (route, at, now) =>
  /checkout|payments/.test(route.path) && at > now - 38 * MINUTE && at < now - 29 * MINUTE;

const STATUSES = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const sumOf = (list, of) => list.reduce((sum, one) => sum + of(one), 0);
const rounded = (value) => Math.round(value * 1e3) / 1e3;

/** One bucket of one route. */
function bucket(route, start, step, now) {
  const end = Math.min(start + step, now);
  const noise = 0.82 + 0.36 * chance(`${route.path} ${start}`);
  const requests = Math.max(0, Math.round(route.perMinute * ((end - start) / MINUTE) * daily(start) * noise));
  const isIncident = step <= 5 * MINUTE && incident(route, start, now);
  const rough = (share, name) => Math.round(requests * share * (0.6 + 0.8 * chance(`${name} ${route.path} ${start}`)));
  const status = { "1xx": 0, "2xx": 0, "3xx": rough(route.path.startsWith("/static") ? 0.3 : 0.015, "3xx") };
  status["4xx"] = Math.min(requests - status["3xx"], rough(route.lost, "4xx"));
  status["5xx"] = Math.min(requests - status["3xx"] - status["4xx"], rough(isIncident ? 0.2 : route.bad, "5xx"));
  status["2xx"] = requests - status["3xx"] - status["4xx"] - status["5xx"];
  const slow = (isIncident ? 6 : 1) * (0.85 + 0.3 * chance(`slow ${route.path} ${start}`)) * (0.8 + 0.4 * daily(start));
  return { requests, status, p50: route.median * slow, p95: route.median * slow * 3.1, p99: route.median * slow * 6.4 };
}

/** Adds up buckets as a store would: percentiles roughly, counts exactly. */
function added(list) {
  const requests = sumOf(list, (one) => one.requests);
  const status = Object.fromEntries(STATUSES.map((name) => [name, sumOf(list, (one) => one.status[name])]));
  const weighted = (name) => rounded(sumOf(list, (one) => one[name] * one.requests) / requests);
  const times = requests ? { p50: weighted("p50"), p95: weighted("p95"), p99: weighted("p99") } : null;
  return { requests, status, times };
}

const seriesTime = (times) => times && { ...times };
const wholeTime = (times) =>
  times && { mean: rounded(times.p50 * 1.4), min: 1, max: Math.round(times.p99 * 4.2), ...times };

function addresses(requests) {
  const estimate = requests < 50 ? Math.ceil(requests / 3) : rounded(requests ** 0.72);
  return { lower: Math.floor(estimate * (estimate < 30 ? 1 : 0.984)), estimate };
}

/** The traffic of a clock; `extra` are single requests that came besides: { path, at, status, ms }. */
export class Traffic {
  constructor({ isEmpty = false, now = Date.now } = {}) {
    Object.assign(this, { isEmpty, now, extra: [] });
  }

  /** Where a query's buckets lie. */
  range(query) {
    const now = this.now();
    const [from, to] = [Number(query.get("from")), Number(query.get("to"))];
    if (from && to) {
      const step = Object.values(RANGES).find(([length]) => to - from <= length)?.[1] ?? DAY;
      return { from, to, step, now };
    }
    const [length, step] = RANGES[query.get("range") ?? "1h"] ?? [];
    if (!length) throw Object.assign(new Error("`range`: give 15m, 1h, 6h, 24h, 7d, 30d or 90d"), { status: 400 });
    return { from: now - length, to: now, step, now };
  }

  routes() {
    const known = this.isEmpty ? [] : ROUTES;
    const names = new Set(known.map(({ path }) => path));
    const others = [...new Set(this.extra.map(({ path }) => path))].filter((path) => !names.has(path));
    return [...known, ...others.map((path) => ({ path, perMinute: 0, median: 1, bad: 0, lost: 0 }))];
  }

  /** The buckets of one route; the first begins with the range, at a whole step. */
  buckets(route, { from, to, step, now }) {
    const list = [];
    for (let start = Math.ceil(from / step) * step; start < to; start += step) {
      const one = route.perMinute
        ? bucket(route, start, step, now)
        : { requests: 0, status: {}, p50: 1, p95: 1, p99: 1 };
      for (const name of STATUSES) one.status[name] ??= 0;
      for (const { path, at, status } of this.extra) {
        if (path !== route.path || at < start || at >= start + step) continue;
        one.requests += 1;
        one.status[`${Math.floor(status / 100)}xx`] += 1;
      }
      list.push({ start, ...one });
    }
    return list;
  }

  figures(route, range) {
    const { requests, status, times } = added(this.buckets(route, range));
    return { requests, status, responseTime: wholeTime(times), addresses: addresses(requests) };
  }

  /** Routes that had requests, with their figures. */
  paths(range) {
    return this.routes()
      .map((route) => ({ path: route.path, ...this.figures(route, range), spark: this.spark(route, range) }))
      .filter(({ requests }) => requests);
  }

  spark(route, range) {
    return this.buckets(route, range).map(({ requests }) => requests);
  }

  total(range) {
    const all = added(this.routes().flatMap((route) => this.buckets(route, range)));
    const { requests, status, times } = all;
    return { requests, status, responseTime: wholeTime(times), addresses: addresses(requests) };
  }

  series(range, path) {
    const routes = this.routes().filter((route) => !path || route.path === path);
    const lists = routes.map((route) => this.buckets(route, range));
    const starts = [];
    for (let start = Math.ceil(range.from / range.step) * range.step; start < range.to; start += range.step)
      starts.push(start);
    const points = starts.map((start, n) => {
      const { requests, status, times } = added(lists.map((list) => list[n]));
      return { start, requests, status, responseTime: seriesTime(times) };
    });
    return { from: range.from, to: range.to, stepMs: range.step, exact: true, points };
  }

  /** Requests by response time: buckets that double, the most around the median. */
  histogram({ requests, responseTime }) {
    if (!requests) return [];
    const edges = Array.from({ length: 15 }, (_, n) => 2 ** n / 2);
    const near = edges.map((ms) => Math.exp(-((Math.log2((ms * 1.4) / responseTime.p50) / 1.5) ** 2)));
    const whole = sumOf(near, (share) => share);
    const counts = near.map((share) => Math.floor((share / whole) * requests));
    counts[counts.indexOf(Math.max(...counts))] += requests - sumOf(counts, (count) => count);
    const list = edges.map((fromMs, n) => ({ fromMs: n ? fromMs : 0, toMs: fromMs * 2, count: counts[n] }));
    const used = list.map(({ count }) => count > 0);
    return list.slice(used.indexOf(true), used.lastIndexOf(true) + 1);
  }

  exemplars(range, path) {
    const figures = this.figures(this.routes().find((route) => route.path === path) ?? { path }, range);
    if (!figures.requests) return [[], []];
    const one = (n, ms) => {
      const timestamp = Math.round(
        range.now - chance(`${path} at ${n}`) * Math.min(range.to - range.from, 50 * MINUTE),
      );
      const hash = Math.floor(chance(`${path} id ${n}`) * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
      const idempotentId = `${timestamp - (timestamp % MINUTE)}-${hash}`;
      const status = n % 5 === 4 ? 503 : n % 7 === 6 ? 404 : 200;
      return { idempotentId, digest: `${hash}${hash}`, path, timestamp, status, responseTime: Math.round(ms) };
    };
    const { p50, p99 } = figures.responseTime;
    const slowest = [4, 1, 2, 3]
      .map((n) => one(n, p99 * (5 - n * 0.4)))
      .sort((a, b) => b.responseTime - a.responseTime);
    return [Array.from({ length: 8 }, (_, n) => one(n + 10, p50 * (0.4 + 2 * chance(`${path} took ${n}`)))), slowest];
  }
}

// One path: its figures, their course, how response times are spread, and real requests to look into.
import { chart } from "./chart.js";
import { h } from "./element.js";
import { countText, milliseconds, msText } from "./figure.js";
import { card, failed, idLink, reading, skeleton, table } from "./parts.js";
import { towards } from "./place.js";
import { tiles, tilesToCome } from "./tiles.js";
import { time } from "./time.js";
import { trafficCharts } from "./traffic.js";

export function pathPage({ place, sources, go }) {
  const [read, series, exemplars] = [sources.path(place), sources.pathSeries(place), sources.exemplars(place)];
  const past = sources.before(series, place.path);
  const back = h("p", { class: "crumbs" }, h("a", { href: towards(place, {}) }, "Overview"), " / path");
  const title = h("h1", { class: "mono title", tabindex: "-1" }, place.path);
  if (read.error?.status === 404 && !read.data) {
    return [back, title, h("p", { class: "card empty" }, "No request was counted on this path in this time.")];
  }
  let head = read.error ? h("div", { class: "card" }, failed(read.error)) : tilesToCome();
  if (read.data) {
    const { figures, exact } = read.data;
    head = tiles({ figures, range: read.data, readAt: read.at, series: series.data, exact, past });
  }
  return [
    back,
    title,
    h("div", { "data-key": "tiles", class: read.old ? "dim" : null }, head),
    trafficCharts({ read: series, place, go, history: sources.flagHistory().data, past }),
    h(
      "div",
      { class: "two", "data-key": "depth" },
      histogram(read),
      card(
        "Requests to look into",
        null,
        reading(exemplars, (data) => requestsToLookInto(data, place), 6),
      ),
    ),
  ];
}

/** How many requests took how long: one bar to a bucket. */
function histogram(read) {
  const title = "How long requests take";
  if (!read.data) return card(title, null, read.error ? failed(read.error) : skeleton("plot"));
  const { histogram: buckets, figures } = read.data;
  if (!buckets?.length) return card(title, null, h("p", { class: "empty plot-size" }, "No requests in this time."));
  const time = figures.responseTime;
  const spec = {
    kind: "bars",
    height: 420, // as high as the requests beside it
    of: read.data,
    step: buckets.length,
    x: buckets.map((_bucket, n) => n),
    range: [-0.6, buckets.length - 0.4],
    title,
    summary: time ? `Half take up to ${msText(time.p50)}, 95 % up to ${msText(time.p95)}.` : "",
    unit: countText,
    tick: (n) => (buckets[n] ? msText(buckets[n].fromMs) : ""),
    when: (n) => `${msText(buckets[n].fromMs)} to ${msText(buckets[n].toMs)}`,
    marks: time ? ["p50", "p95", "p99"].map((label) => ({ label, at: placeIn(buckets, time[label]) })) : [],
    series: [{ label: "requests", colour: "--p95", values: buckets.map(({ count }) => count) }],
  };
  const rows = buckets.map(({ fromMs, toMs, count }) => [msText(fromMs), msText(toMs), countText(count)]);
  return card(
    title,
    h("span", { class: "per" }, "requests by response time"),
    chart("histogram", spec),
    h(
      "details",
      { class: "as-table", "data-key": "histogram-table" },
      h("summary", null, "As a table"),
      table("Requests by response time", ["#From", "#To", "#Requests"], rows),
    ),
  );
}

/** Where a time lies among the buckets, in bars. */
function placeIn(buckets, ms) {
  const n = buckets.findIndex(({ toMs }) => ms < toMs);
  if (n < 0) return buckets.length - 0.5;
  const { fromMs, toMs } = buckets[n];
  return n - 0.5 + Math.min(1, Math.max(0, (ms - fromMs) / (toMs - fromMs || 1)));
}

function requestsToLookInto({ sample, slowest }, place) {
  if (!sample.length && !slowest.length) return h("p", { class: "empty" }, "There are none in this time.");
  const part = (title, list) => [
    h("h3", { class: "part" }, title),
    table(
      title,
      ["ID", "At", "#Status", "#Took"],
      list
        .slice(0, 8)
        .map(({ idempotentId, timestamp, status, responseTime }) => [
          idLink(towards(place, { view: "trace", id: idempotentId }), idempotentId),
          time(timestamp, Date.now() - timestamp > 20 * 3_600_000 ? "short" : "second"),
          h("span", { class: `status s${Math.floor(status / 100)}` }, String(status)),
          milliseconds(responseTime),
        ]),
      "dense",
    ),
  ];
  return [part("The slowest", slowest), part("A fair sample", sample)];
}

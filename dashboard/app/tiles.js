// The figures that matter most, each with its trend and how it stood in the period before.
import { h } from "./element.js";
import { changeText, count, countText, figure, milliseconds, msText, none, plural, rateText, share, shareText } from "./figure.js";
import { skeleton } from "./parts.js";
import { begun, secondsOf } from "./range.js";
import { spark } from "./spark.js";

function tile(name, value, note, trend, change) {
  return h(
    "div",
    { class: "tile", "data-key": name, "data-tile": name },
    h("h3", null, name, change),
    h("p", { class: "value" }, value),
    h("p", { class: "note" }, note),
    trend,
  );
}

/** How sure the number of addresses is: the part of the estimate that is certain. */
function certainty({ lower, estimate }) {
  const width = `${Math.min(100, estimate ? (lower / estimate) * 100 : 0)}%`;
  return h("div", { class: "certainty", "aria-hidden": "true" }, h("i", { style: { width } }));
}

/** @param {string} [tone] */
function trend(label, values, tone) {
  // At zero there is nothing to be alarmed at.
  const isCalm = (tone === "bad" || tone === "warn") && !values.some(Boolean);
  return spark(values, { label: `Trend of ${label}`, tone: isCalm ? "calm" : tone });
}

/** A figure's change since the period before; none where one of the two is of too few requests to tell. */
function change(now, then, text, isEnough) {
  if (!isEnough || !then || now === null || now === undefined) return null;
  return h("small", { class: "change", title: `${text(then)} in the period before` }, changeText(now, then));
}

/** From how many requests on a percentile is more than the slowest of them. */
export const FEW = { p50: 10, p95: 20, p99: 100 };

function latencyTile(name, note, { figures, points, before }) {
  const { requests, responseTime: times } = figures;
  const isFew = requests < FEW[name];
  const said = isFew ? h("span", { class: "few" }, `of only ${plural(requests, "request")}`) : note;
  const isEnough = !isFew && before?.requests >= FEW[name];
  return tile(
    name,
    milliseconds(times?.[name]),
    times ? said : "no requests",
    trend(name, points.map((point) => point.responseTime?.[name] ?? null), "latency"),
    change(times?.[name], before?.responseTime?.[name], msText, isEnough),
  );
}

/** Errors of a class, by whose they are: server errors alone are the gateway's or its upstream's. */
function errorTile(name, what, cls, { figures: { requests, status }, points, before }) {
  const rate = before?.requests ? before.status[cls] / before.requests : 0;
  return tile(
    name,
    share(status[cls], requests),
    requests ? h("span", { title: what }, plural(status[cls], "request")) : "no requests",
    trend(
      name.toLowerCase(),
      points.map((point) => (point.requests ? point.status[cls] / point.requests : null)),
      cls === "5xx" ? "bad" : "warn",
    ),
    change(status[cls] / requests, rate, shareText, status[cls] > 0),
  );
}

function addressTile({ figures: { addresses, requests }, before }) {
  return tile(
    "Addresses",
    requests ? figure(addresses.estimate, countText(addresses.estimate)) : none("no requests"),
    requests ? ["at least ", count(addresses.lower)] : "no requests",
    certainty(addresses),
    change(addresses.estimate, before?.addresses.estimate, countText, requests > 0),
  );
}

/** Tiles of some figures over a range, with trends from a series; `past` is the period before. */
export function tiles({ figures, range, readAt, series, exact, past }) {
  const { requests, responseTime } = figures;
  const { points: begunPoints, open } = series ? begun(series, readAt) : { points: [], open: null };
  // Without the bucket that still fills: its end would look like a fall.
  const points = open === null || begunPoints.length < 3 ? begunPoints : begunPoints.slice(0, open);
  const given = { figures, points, before: past?.figures };
  const perSecond = requests / secondsOf(range, readAt);
  const perSecondBefore = past?.figures ? past.figures.requests / past.seconds : 0;
  const spread = responseTime && `${countText(responseTime.min)} to ${countText(responseTime.max)} ms`;
  return h(
    "div",
    { class: "tiles" },
    tile(
      "Requests",
      figure(perSecond, rateText(perSecond)),
      [
        exact === false ? h("span", { title: "Not each request is known to be counted once" }, "about ") : null,
        count(requests),
        requests === 1 ? " request" : " requests",
      ],
      trend("requests", points.map((point) => point.requests)),
      change(perSecond, perSecondBefore, rateText, requests > 0),
    ),
    errorTile("Server errors", "status 500 and above", "5xx", given),
    errorTile("Client errors", "status 400 to 499", "4xx", given),
    latencyTile("p50", responseTime && `mean ${countText(responseTime.mean)} ms`, given),
    latencyTile("p95", "1 of 20 is slower", given),
    latencyTile("p99", spread, given),
    addressTile(given),
  );
}

/** The same, still empty. */
export function tilesToCome() {
  return h(
    "div",
    { class: "tiles" },
    Array.from({ length: 7 }, () => h("div", { class: "tile" }, skeleton("lines", 3))),
  );
}

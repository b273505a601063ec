// The figures that matter most, each with its trend.
import { h } from "./element.js";
import { count, countText, figure, milliseconds, none, plural, rateText, share, shareText } from "./figure.js";
import { skeleton } from "./parts.js";
import { secondsOf } from "./range.js";
import { spark } from "./spark.js";

function tile(name, value, note, trend) {
  return h(
    "div",
    { class: "tile", "data-key": name, "data-tile": name },
    h("h3", null, name),
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

/** A series without the bucket that still fills: its end would look like a fall. */
function whole(series) {
  if (!series) return [];
  const { points, stepMs, to } = series;
  return points.length > 2 && points.at(-1).start + stepMs > to ? points.slice(0, -1) : points;
}

/** @param {string} [tone] */
const trend = (label, values, tone) => spark(values, { label: `Trend of ${label}`, tone });

function addressTile(addresses, requests, points) {
  const estimates = points.map((point) => point.addresses?.estimate ?? null);
  return tile(
    "Addresses",
    requests ? figure(addresses.estimate, countText(addresses.estimate)) : none("no requests"),
    requests ? ["at least ", count(addresses.lower)] : "no requests",
    points.some((point) => point.addresses) ? trend("addresses", estimates) : certainty(addresses),
  );
}

/** Six tiles of some figures over a range, with trends from a series. */
export function tiles({ figures, range, readAt, series, exact }) {
  const { requests, status, responseTime, addresses } = figures;
  const points = whole(series);
  const latency = (name, note) =>
    tile(
      name,
      milliseconds(responseTime?.[name]),
      responseTime ? note : "no requests",
      trend(
        name,
        points.map((point) => point.responseTime?.[name] ?? null),
        "latency",
      ),
    );
  const perSecond = requests / secondsOf(range, readAt);
  const errors = status["5xx"];
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
      trend(
        "requests",
        points.map((point) => point.requests),
      ),
    ),
    tile(
      "Error rate",
      share(errors, requests),
      requests
        ? h(
            "span",
            { title: `client errors (4xx): ${shareText(status["4xx"] / requests)}` },
            plural(errors, "server error"),
          )
        : "no requests",
      trend(
        "error rate",
        points.map((point) => (point.requests ? point.status["5xx"] / point.requests : null)),
        "bad",
      ),
    ),
    latency("p50", responseTime && `mean ${countText(responseTime.mean)} ms`),
    latency("p95", "1 of 20 is slower"),
    latency("p99", spread),
    addressTile(addresses, requests, points),
  );
}

/** The same, still empty. */
export function tilesToCome() {
  return h(
    "div",
    { class: "tiles" },
    Array.from({ length: 6 }, () => h("div", { class: "tile" }, skeleton("lines", 3))),
  );
}

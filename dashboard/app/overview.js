// The first page: what is going on, the figures that matter, their course, and every path.
import { command } from "./command.js";
import { h } from "./element.js";
import { failed } from "./parts.js";
import { pathTable } from "./path_table.js";
import { changed } from "./place.js";
import { summary } from "./summary.js";
import { tiles, tilesToCome } from "./tiles.js";
import { trafficCharts } from "./traffic.js";

export function overview({ place, sources, go, searched }) {
  const [stats, series] = [sources.stats(place), sources.series(place)];
  const paths = sources.paths(place);
  const flag = sources.flag();
  const parity = sources.parity("hour", 24, true);
  const health = sources.health();
  const past = sources.before(series);
  return [
    h("h1", { class: "hidden", tabindex: "-1" }, "Overview"),
    summary({ flag, parity, health, place }),
    h("div", { class: stats.old ? "dim" : null, "data-key": "tiles" }, head(stats, series, past)),
    stats.data?.total.requests === 0 && !series.data?.points.some(({ requests }) => requests)
      ? noRequests(place)
      : trafficCharts({ read: series, place, go, history: sources.flagHistory().data, past }),
    pathTable({ read: paths, place, all: stats.data?.total.requests, csv: sources.csv(place), searched }),
  ];
}

/** What to do where nothing came. */
function noRequests(place) {
  return h(
    "div",
    { class: "card empty", "data-key": "none" },
    h("p", null, "No request has passed the gateway in this time. Send one, and it appears here within seconds:"),
    command(`curl -i ${location.origin}/`),
    place.range === "90d" ? null : h("p", { class: "hint" }, h("a", { href: changed(place, { range: "90d" }) }, "Or look at the last 90 days")),
  );
}

function head(stats, series, past) {
  if (stats.data) {
    const { total, exact, from, to } = stats.data;
    const range = { from: from ?? 0, to: to ?? stats.at };
    return tiles({ figures: total, range, readAt: stats.at, series: series.data, exact, past });
  }
  return stats.error ? h("div", { class: "card" }, failed(stats.error)) : tilesToCome();
}

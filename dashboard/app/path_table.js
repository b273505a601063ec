// All routes with their figures: sorted, searched and paged by the API, so that the address alone says what is shown.
import { h } from "./element.js";
import { count, countText, figure as exactly, milliseconds, plural, rateText, share, shortCount } from "./figure.js";
import { breakable, failed, skeleton } from "./parts.js";
import { changed, naturalOrder, towards } from "./place.js";
import { secondsOf } from "./range.js";
import { spark } from "./spark.js";
import { FEW } from "./tiles.js";

/** @typedef {{ name: string, title: string, hint?: string, figure?: true, fixed?: true, wide?: true }} Column */

/** @type {Column[]} */
const COLUMNS = [
  { name: "path", title: "Path" },
  { name: "requests", title: "Requests", figure: true },
  { name: "rate", title: "Rate", figure: true, fixed: true, wide: true },
  { name: "part", title: "Share", hint: "of all requests", figure: true, fixed: true, wide: true },
  { name: "trend", title: "Trend", fixed: true, wide: true },
  { name: "errors", title: "Server errors", hint: "status 500 and above", figure: true },
  { name: "client", title: "Client errors", hint: "status 400 to 499", figure: true, fixed: true, wide: true },
  { name: "p50", title: "p50", figure: true, wide: true },
  { name: "p95", title: "p95", figure: true },
  { name: "p99", title: "p99", figure: true, wide: true },
];

/** @param {Column} column */
function heading({ name, title, hint, figure, fixed, wide }, place) {
  const cls = [figure && "num", wide && "wide", name].filter(Boolean).join(" ");
  if (fixed) return h("th", { scope: "col", class: cls, title: hint }, title);
  const isSorted = place.sort === name;
  const opposite = place.order === "desc" ? "asc" : "desc";
  const order = isSorted ? opposite : naturalOrder(name);
  const arrow = isSorted ? (place.order === "desc" ? "↓" : "↑") : "";
  const sorted = isSorted ? (place.order === "desc" ? "descending" : "ascending") : null;
  return h(
    "th",
    { scope: "col", class: cls, "aria-sort": sorted },
    h(
      "a",
      { href: changed(place, { sort: name, order }), title: hint, "data-replace": "" },
      title,
      h("i", { class: "arrow", "aria-hidden": "true" }, arrow),
    ),
  );
}

/** A trend without the step that still fills: its end would look like a fall. */
const whole = (trend, { to, sparkStepMs }) => (to % sparkStepMs && trend.length > 3 ? trend.slice(0, -1) : trend);

/** Errors of a class: how many, and their share of the path's requests. */
function errorCell(errors, requests, cls) {
  const some = [shortCount(errors), h("small", null, share(errors, requests))];
  return h("td", { class: `num ${cls} ${errors ? "some" : ""}` }, errors ? some : h("data", { value: "0" }, "0"));
}

function row(entry, { most, all, place, read }) {
  const { path, requests, status, responseTime, spark: trend } = entry;
  const width = `${Math.max(0.5, (requests / most) * 100)}%`;
  const rate = requests / secondsOf(read.data, read.at);
  const time = (name, cls = "") => {
    const isFew = requests < FEW[name];
    const title = isFew ? `of only ${plural(requests, "request")}` : null;
    return h("td", { class: `num ${cls} ${isFew ? "soft" : ""}`, title }, milliseconds(responseTime?.[name]));
  };
  return h(
    "tr",
    { "data-key": path },
    h(
      "th",
      { scope: "row", class: "path" },
      h("i", { class: "bar-behind", "aria-hidden": "true", style: { width } }),
      h("a", { href: towards(place, { view: "path", path }) }, breakable(path)),
    ),
    h("td", { class: "num requests" }, count(requests)),
    h("td", { class: "num wide" }, exactly(rate, rateText(rate))),
    h("td", { class: "num wide" }, all === undefined ? null : share(requests, all)),
    h("td", { class: "wide trend" }, trend && spark(whole(trend, read.data))),
    errorCell(status["5xx"], requests, "errors"),
    errorCell(status["4xx"], requests, "client wide"),
    time("p50", "wide"),
    time("p95"),
    time("p99", "wide"),
  );
}

/** Whether a path answered nothing but client errors, as what scanners ask for does. */
const isNoise = ({ requests, status }) => status["4xx"] === requests;

/** From how many such paths on they are folded into a line. */
const NOISE = 3;

/** What is folded, with the way to see it. */
function noiseLine(noise, place) {
  const isFolded = place.noise === "folded";
  const requests = noise.reduce((sum, one) => sum + one.requests, 0);
  return h(
    "p",
    { class: "hint noise", "data-key": "noise" },
    `${plural(noise.length, "path")} answered nothing but client errors, ${plural(requests, "request")} in all: scanners, mostly. `,
    h(
      "a",
      { href: changed(place, { noise: isFolded ? "shown" : "folded", pages: place.pages }), "data-replace": "" },
      isFolded ? "Show them" : "Fold them",
    ),
  );
}

function body(read, place, all) {
  const { paths, next } = read.data;
  const columns = COLUMNS.map((column) => heading(column, place));
  if (!paths.length) return empty(place);
  const found = paths.filter(isNoise);
  const noise = place.search || found.length < NOISE ? [] : found;
  const shown = place.noise === "folded" && noise.length ? paths.filter((entry) => !isNoise(entry)) : paths;
  const given = { most: Math.max(...paths.map(({ requests }) => requests), 1), all, place, read };
  return [
    h(
      "div",
      { class: "table-frame", "data-key": "table" },
      h(
        "table",
        { class: `list paths ${read.old ? "dim" : ""}`, "aria-busy": read.old ? "true" : null },
        h("caption", { class: "hidden" }, "Paths with their figures"),
        h("thead", null, h("tr", null, columns)),
        h(
          "tbody",
          null,
          shown.map((entry) => row(entry, given)),
        ),
      ),
    ),
    noise.length ? noiseLine(noise, place) : null,
    next
      ? h(
          "p",
          { class: "more", "data-key": "more" },
          h(
            "a",
            { class: "button", href: changed(place, { pages: place.pages + 1 }), "data-replace": "" },
            "Show 50 more",
          ),
        )
      : null,
  ];
}

function empty(place) {
  if (!place.search)
    return h(
      "p",
      { class: "empty" },
      "No path had a request in this time. ",
      "What passes the gateway appears here within seconds.",
    );
  return h(
    "p",
    { class: "empty" },
    `No path contains “${place.search}”. `,
    h("a", { href: changed(place, { search: "" }), "data-replace": "" }, "Show all"),
  );
}

/** The card with search, CSV link and table. `all` are the requests of every path; `searched` is told what a person types. */
export function pathTable({ read, place, csv, all, searched }) {
  const routes = read?.data?.routes ?? read?.data?.paths.length;
  const form = h(
    "form",
    { class: "search", role: "search", "data-key": "search", onsubmit: (event) => event.preventDefault() },
    h("input", {
      type: "search",
      id: "search",
      placeholder: "Search paths",
      "aria-label": "Search paths",
      value: place.search,
      maxlength: "256",
      autocomplete: "off",
      spellcheck: "false",
      oninput: (event) => searched(event.target.value),
    }),
    h("kbd", { "aria-hidden": "true" }, "/"),
  );
  let inside;
  if (read?.data) inside = body(read, place, all);
  else if (read?.error) inside = failed(read.error);
  else inside = skeleton("lines", 10);
  return h(
    "section",
    { class: "card flush", "data-key": "paths", "aria-label": "Paths" },
    h(
      "div",
      { class: "head" },
      h(
        "h2",
        null,
        "Paths",
        routes === undefined ? null : h("span", { class: "n", role: "status" }, countText(routes)),
      ),
      form,
      h("a", { class: "button quiet", href: csv, download: "paths.csv" }, "CSV"),
    ),
    inside,
  );
}

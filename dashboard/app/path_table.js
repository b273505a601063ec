// All routes with their figures: sorted, searched and paged by the API, so that the address alone says what is shown.
import { h } from "./element.js";
import { count, countText, milliseconds, share, shortCount } from "./figure.js";
import { breakable, failed, skeleton } from "./parts.js";
import { changed, naturalOrder, towards } from "./place.js";
import { spark } from "./spark.js";

/** @typedef {{ name: string, title: string, hint?: string, figure?: true, fixed?: true, wide?: true }} Column */

/** @type {Column[]} */
const COLUMNS = [
  { name: "path", title: "Path" },
  { name: "requests", title: "Requests", figure: true },
  { name: "trend", title: "Trend", fixed: true, wide: true },
  { name: "errors", title: "Errors", hint: "server errors (5xx)", figure: true },
  { name: "p50", title: "p50", figure: true, wide: true },
  { name: "p95", title: "p95", figure: true },
  { name: "p99", title: "p99", figure: true, wide: true },
];

/** @param {Column} column */
function heading({ name, title, hint, figure, fixed, wide }, place) {
  const cls = [figure && "num", wide && "wide", name].filter(Boolean).join(" ");
  if (fixed) return h("th", { scope: "col", class: cls }, title);
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

function row(entry, most, place, read) {
  const { path, requests, status, responseTime, spark: trend } = entry;
  const errors = status["5xx"];
  const width = `${Math.max(0.5, (requests / most) * 100)}%`;
  const time = (name, cls = "") => h("td", { class: `num ${cls}` }, milliseconds(responseTime?.[name]));
  return h(
    "tr",
    { "data-key": path },
    h("th", { scope: "row", class: "path" }, h("a", { href: towards(place, { view: "path", path }) }, breakable(path))),
    h(
      "td",
      { class: "num requests" },
      h("i", { class: "share", "aria-hidden": "true", style: { width } }),
      h("span", null, count(requests)),
    ),
    h("td", { class: "wide trend" }, trend && spark(whole(trend, read.data))),
    h(
      "td",
      { class: `num errors ${errors ? "some" : ""}` },
      errors ? [shortCount(errors), h("small", null, share(errors, requests))] : h("data", { value: "0" }, "0"),
    ),
    time("p50", "wide"),
    time("p95"),
    time("p99", "wide"),
  );
}

function body(read, place) {
  const { paths, next } = read.data;
  const columns = COLUMNS.map((column) => heading(column, place));
  if (!paths.length) return empty(place);
  const most = Math.max(...paths.map(({ requests }) => requests), 1);
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
          paths.map((entry) => row(entry, most, place, read)),
        ),
      ),
    ),
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

/** The card with search, CSV link and table. `searched` is told what a person types. */
export function pathTable({ read, place, csv, searched }) {
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
  if (read?.data) inside = body(read, place);
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

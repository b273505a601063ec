// Requests by status class and latency percentiles over time.
import { chart } from "./chart.js";
import { h } from "./element.js";
import { countText, msText, shareText, shortText, spanText } from "./figure.js";
import { card, failed, skeleton } from "./parts.js";
import { changed } from "./place.js";
import { spanOfText, time } from "./time.js";

const CLASSES = [
  { name: "2xx", title: "2xx success", colour: "--s2xx" },
  { name: "3xx", title: "3xx redirect", colour: "--s3xx" },
  { name: "1xx", title: "1xx informational", colour: "--s1xx" },
  { name: "4xx", title: "4xx client error", colour: "--s4xx" },
  { name: "5xx", title: "5xx server error", colour: "--s5xx" },
];

const UNITS = { 60000: "minute", 3600000: "hour", 86400000: "day" };

const PERCENTILES = [
  { name: "p50", title: "p50 (median)", colour: "--p50", width: 2 },
  { name: "p95", title: "p95", colour: "--p95", width: 2 },
  { name: "p99", title: "p99", colour: "--p99", width: 1.5 },
];

/** What both charts share: where the buckets lie, and what a selection does. */
function frame({ data, place, go }) {
  const { points, stepMs, from, to } = data;
  const first = points[0]?.start ?? from;
  const end = Math.max(to, (points.at(-1)?.start ?? from) + stepMs);
  return {
    step: stepMs,
    x: points.map(({ start }) => (start + stepMs / 2) / 1_000),
    range: [Math.min(from, first) / 1_000, end / 1_000],
    when: (n) => {
      const close = points[n].start + stepMs;
      return `${spanOfText(points[n].start, close)}${close > to ? ", so far" : ""}`;
    },
    zoom: (a, b) => go(changed(place, { from: a, to: b })),
  };
}

/** Names of lines that the reader switches off and on. */
function legend(entries, place, { linked }) {
  const off = place.hide.split(",").filter(Boolean);
  const one = ({ name, title, colour }) => {
    const swatch = h("i", { class: "swatch", style: { background: `var(${colour})` } });
    if (!linked) return h("li", null, swatch, title);
    const isOff = off.includes(name);
    const hide = (isOff ? off.filter((other) => other !== name) : [...off, name]).sort().join(",");
    const label = `${isOff ? "Show" : "Hide"} ${name}`;
    return h(
      "li",
      null,
      h(
        "a",
        {
          class: isOff ? "off" : null,
          href: changed(place, { hide, pages: place.pages }),
          title: label,
          "data-replace": "",
        },
        swatch,
        title,
        isOff ? h("span", { class: "hidden" }, " (hidden)") : null,
      ),
    );
  };
  return h("ul", { class: "legend", "aria-label": "Legend" }, entries.map(one));
}

/** The same figures as a table, filled while it is open. */
function table(points, columns, cell, key) {
  const rows = () =>
    [...points].reverse().map((point) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, time(point.start)),
        columns.map((name) => h("td", null, cell(point, name))),
      ),
    );
  const head = h(
    "thead",
    null,
    h(
      "tr",
      null,
      h("th", { scope: "col" }, "From"),
      columns.map((name) => h("th", { scope: "col" }, name)),
    ),
  );
  const body = () => h("table", { class: "plain" }, head, h("tbody", null, rows()));
  /** @type {HTMLDetailsElement | null} */
  const before = document.querySelector(`details[data-key="${key}"]`);
  const ontoggle = ({ currentTarget: details }) => {
    const inside = details.querySelector(".scroll");
    if (details.open && !inside.firstChild) inside.append(body());
  };
  return h(
    "details",
    { class: "as-table", "data-key": key, ontoggle },
    h("summary", null, "As a table"),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Figures over time" },
      before?.open ? body() : null,
    ),
  );
}

/** Requests by status class, as a stack. */
export function requestsChart({ read, place, go }) {
  const title = "Requests by status";
  if (!read.data) return card(title, null, read.error ? failed(read.error) : skeleton("plot"));
  const { points, stepMs } = read.data;
  const off = place.hide.split(",");
  const all = points.reduce((sum, { requests }) => sum + requests, 0);
  const errors = points.reduce((sum, { status }) => sum + status["5xx"], 0);
  const present = CLASSES.filter(({ name }) => name !== "1xx" || points.some(({ status }) => status["1xx"]));
  const spec = {
    ...frame({ data: read.data, place, go }),
    kind: "stack",
    of: read.data,
    title,
    summary: `${countText(all)} requests, ${all ? shareText(errors / all) : "0 %"} of them server errors.`,
    unit: shortText,
    exact: countText,
    series: present
      .filter(({ name }) => !off.includes(name))
      .map(({ name, title: label, colour }) => {
        return { label, colour, values: points.map(({ status }) => status[name]) };
      }),
  };
  const head = h("span", { class: "per" }, `per ${UNITS[stepMs] ?? spanText(stepMs)}`);
  return card(
    title,
    head,
    all ? legend(present, place, { linked: true }) : null,
    all ? chart("requests", spec) : nothing(),
    all
      ? table(
          points,
          ["requests", ...present.map(({ name }) => name)],
          (point, name) => countText(name === "requests" ? point.requests : point.status[name]),
          "requests-table",
        )
      : null,
  );
}

/** Latency percentiles as lines. */
export function latencyChart({ read, place, go }) {
  const title = "Response time";
  if (!read.data) return card(title, null, read.error ? failed(read.error) : skeleton("plot"));
  const { points } = read.data;
  const known = points.filter(({ responseTime }) => responseTime);
  const last = known.at(-1)?.responseTime;
  const spec = {
    ...frame({ data: read.data, place, go }),
    kind: "lines",
    of: read.data,
    title,
    summary: last
      ? `Latest: median ${msText(last.p50)}, p95 ${msText(last.p95)}, p99 ${msText(last.p99)}.`
      : "No requests.",
    unit: msText,
    series: PERCENTILES.map(({ name, title: label, colour, width }) => {
      return { label, colour, width, values: points.map(({ responseTime }) => responseTime?.[name] ?? null) };
    }),
  };
  return card(
    title,
    h("span", { class: "per" }, "until the upstream’s headers"),
    last ? legend(PERCENTILES, place, { linked: false }) : null,
    last ? chart("latency", spec) : nothing(),
    last
      ? table(
          points,
          ["p50", "p95", "p99"],
          ({ responseTime }, name) => (responseTime ? msText(responseTime[name]) : "–"),
          "latency-table",
        )
      : null,
  );
}

const nothing = () => h("p", { class: "empty plot-size" }, "No requests in this time.");

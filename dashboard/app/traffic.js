// Requests by status class, errors and latency percentiles over time.
import { chart } from "./chart.js";
import { h } from "./element.js";
import { countText, msText, shareText, shortText, spanText } from "./figure.js";
import { card, failed, skeleton } from "./parts.js";
import { marksLine, marksOf } from "./marks.js";
import { changed } from "./place.js";
import { begun } from "./range.js";
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

/** What all charts over time share: where the buckets lie, what happened in them, and what a selection does. */
function frame({ read, place, go, marks, past }) {
  const { data } = read;
  const { stepMs, from, to } = data;
  const { points, open } = begun(data, read.at);
  const first = points[0]?.start ?? from;
  const end = points.length ? points.at(-1).start + stepMs : to;
  const then = past?.series;
  /** The point of the period before at the same time; it may be of longer steps, since details go with time. */
  const thenAt = (start) => then.points[Math.floor((start - past.ms - then.points[0].start) / then.stepMs)];
  const happened = (n) => marks.filter(({ at }) => at >= points[n].start && at < points[n].start + stepMs);
  return {
    points,
    spec: {
      of: `${read.at} ${place.hide} ${past?.series?.from} ${marks.map(({ at }) => at)}`,
      step: stepMs,
      open,
      x: points.map(({ start }) => (start + stepMs / 2) / 1_000),
      range: [Math.min(from, first) / 1_000, end / 1_000],
      marks: marks.map(({ at, label }) => ({ at: at / 1_000, label })),
      when: (n) => {
        const close = spanOfText(points[n].start, points[n].start + stepMs);
        return [`${close}${n === open ? ", so far" : ""}`, ...happened(n).map(({ text }) => text)].join("; ");
      },
      zoom: (a, b) => go(changed(place, { from: a, to: b })),
    },
    /** What `value` says of the points of the period before, if any had requests. */
    before: (value) =>
      then?.points.some(({ requests }) => requests)
        ? points.map(({ start }) => (thenAt(start) ? value(thenAt(start), stepMs / then.stepMs) : null))
        : null,
    per: `per ${UNITS[stepMs] ?? spanText(stepMs)}`,
  };
}

/** Names of lines that the reader switches off and on. */
function legend(entries, place, { linked, before }) {
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
  const text = typeof before === "string" ? before : "the period before";
  const then = before && h("li", null, h("i", { class: "swatch before" }), text);
  return h("ul", { class: "legend", "aria-label": "Legend" }, entries.map(one), then);
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

/** A chart over time as `draw` makes it of the figures; while there are none, why. */
function drawn(title, given, draw) {
  const { data, error } = given.read;
  return data ? draw(frame(given)) : card(title, null, error ? failed(error) : skeleton("plot"));
}

/** Requests by class, as a stack over those of the period before, with the same as a table. */
function stack({ key, title, summary, classes, off = [], linked, columns, cell }, place, { points, spec, before, per }) {
  const shown = classes.filter(({ name }) => !off.includes(name));
  const last = before(({ status }, part) => part * shown.reduce((sum, { name }) => sum + status[name], 0));
  const bars = ({ name, title: label, colour }) => {
    return { label, colour, values: points.map(({ status }) => status[name]) };
  };
  return card(
    title,
    h("span", { class: "per" }, per),
    legend(classes, place, { linked, before: last }),
    chart(key, {
      ...spec,
      kind: "stack",
      title,
      summary,
      unit: shortText,
      exact: countText,
      isWhole: true,
      before: last,
      series: shown.map(bars),
    }),
    table(points, columns, (point, name) => countText(cell(point, name)), `${key}-table`),
  );
}

const ofClass = (points, name) => points.reduce((sum, { status }) => sum + status[name], 0);

/** Requests by status class. */
function requestsChart(given) {
  const title = "Requests by status";
  return drawn(title, given, (framed) => {
    const { points } = framed;
    const all = points.reduce((sum, { requests }) => sum + requests, 0);
    if (!all) return card(title, null, nothing("No requests in this time."));
    const classes = CLASSES.filter(({ name }) => name !== "1xx" || points.some(({ status }) => status["1xx"]));
    const look = {
      key: "requests",
      title,
      summary: `${countText(all)} requests, ${shareText(ofClass(points, "5xx") / all)} of them server errors.`,
      classes,
      off: given.place.hide.split(","),
      linked: true,
      columns: ["requests", ...classes.map(({ name }) => name)],
      cell: (point, name) => (name === "requests" ? point.requests : point.status[name]),
    };
    return stack(look, given.place, framed);
  });
}

/** Errors alone, on a scale of their own: beside many successes they are too low to be seen. */
function errorsChart(given) {
  const title = "Errors";
  return drawn(title, given, (framed) => {
    const [client, server] = ["4xx", "5xx"].map((name) => ofClass(framed.points, name));
    if (!client && !server) return card(title, null, nothing("No errors in this time."));
    const look = {
      key: "errors",
      title,
      summary: `${countText(server)} server errors, ${countText(client)} client errors.`,
      classes: [CLASSES[4], CLASSES[3]],
      linked: false,
      columns: ["5xx", "4xx"],
      cell: ({ status }, name) => status[name],
    };
    return stack(look, given.place, framed);
  });
}

/** Latency percentiles as lines. */
function latencyChart(given) {
  const title = "Response time";
  return drawn(title, given, ({ points, spec, before }) => {
    const last = points.findLast(({ responseTime }) => responseTime)?.responseTime;
    if (!last) return card(title, null, nothing("No requests in this time."));
    const median = before(({ responseTime }) => responseTime?.p50 ?? null);
    return card(
      title,
      h("span", { class: "per" }, "until the upstream’s headers"),
      legend(PERCENTILES, given.place, { linked: false, before: median && "median of the period before" }),
      chart("latency", {
        ...spec,
        kind: "lines",
        title,
        summary: `Latest: median ${msText(last.p50)}, p95 ${msText(last.p95)}, p99 ${msText(last.p99)}.`,
        unit: msText,
        before: median,
        series: PERCENTILES.map(({ name, title: label, colour, width }) => {
          return { label, colour, width, values: points.map(({ responseTime }) => responseTime?.[name] ?? null) };
        }),
      }),
      table(
        points,
        ["p50", "p95", "p99"],
        ({ responseTime }, name) => (responseTime ? msText(responseTime[name]) : "–"),
        "latency-table",
      ),
    );
  });
}

/** All of them, and what happened to the flag meanwhile. */
export function trafficCharts({ read, place, go, history, past }) {
  const { data } = read;
  const marks = data ? marksOf(history, data.from, Math.min(data.to, read.at)) : [];
  const given = { read, place, go, marks, past };
  return [
    h(
      "div",
      { class: "three", "data-key": "charts" },
      requestsChart(given),
      errorsChart(given),
      latencyChart(given),
    ),
    marksLine(marks, place),
  ];
}

const nothing = (text) => h("p", { class: "empty plot-size" }, text);

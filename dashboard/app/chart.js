// Charts over uPlot: bars in a stack, lines, or bars without time. A view gives a spec; this keeps one plot for each
// element and gives it new data.
//
// A spec: { kind: "stack" | "lines" | "bars", of, x, step, range, series: [{ label, colour, values }], before, open,
// marks: [{ at, label }], unit, isWhole, title, summary, when(n), zoom(from, to) }. `of` is what the data was made from:
// the same `of` means no new data. `before` are the values of the period before, and `open` is the place of the bucket
// that still fills.
import uPlot from "uplot";

import { h } from "./element.js";
import { colour, theme } from "./theme.js";
import { hatch, marks } from "./overlay.js";
import { timeText } from "./time.js";
import { Tip } from "./tip.js";

const HEIGHT = 220; // CSS pixels, unless a spec says otherwise
const FONT = "12px ui-sans-serif, system-ui, sans-serif";
const live = new Set();
/** Steps of an axis of whole numbers: no half requests. */
const WHOLE = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

/** The element of a chart. */
export function chart(key, spec) {
  return h("div", { class: "chart", "data-keep": key, "data-key": key, "data-chart": "", $chart: spec });
}

/** Draws the charts in `root`, and lets go of those that are no longer on the page. */
export function drawCharts(root) {
  for (const plot of live) if (!plot.host.isConnected) plot.destroy();
  for (const host of root.querySelectorAll("[data-chart]")) {
    host.$plot ??= new Plot(host);
    host.$plot.show(host.$chart);
  }
}

/** Cumulative values, the highest first: each is painted over the one before, down to the axis. */
function stacked(series) {
  const sums = [];
  let below = null;
  for (const { values } of series) {
    below = values.map((value, n) => (value ?? 0) + (below ? below[n] : 0));
    sums.unshift(below);
  }
  return sums;
}

class Plot {
  constructor(host) {
    this.host = host;
    this.frame = h("div", { class: "plot", tabindex: "0", role: "img", onkeydown: (event) => this.#key(event) });
    this.tip = new Tip();
    host.replaceChildren(this.frame, this.tip.element);
    this.frame.addEventListener("blur", () => this.#leave());
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(host);
    live.add(this);
  }

  destroy() {
    this.observer.disconnect();
    this.plot?.destroy();
    live.delete(this);
    delete this.host.$plot;
  }

  show(spec) {
    this.frame.setAttribute("aria-label", `${spec.title}. ${spec.summary} Arrow keys read single points.`);
    const look = [spec.kind, theme(), matchMedia("(prefers-color-scheme: dark)").matches];
    const shape = [...look, ...spec.series.map(({ label }) => label), spec.step].join(" ");
    const isSame = this.spec && this.spec.of === spec.of && this.shape === shape;
    this.spec = spec;
    if (isSame) return;
    const drawn = spec.kind === "stack" ? stacked(spec.series) : spec.series.map(({ values }) => values);
    const data = [spec.x, ...drawn, ...(spec.kind === "bars" ? [] : [spec.before ?? spec.x.map(() => null)])];
    if (this.plot && this.shape === shape) {
      this.plot.setData(data);
    } else {
      this.plot?.destroy();
      this.shape = shape;
      this.plot = new uPlot(this.#options(spec), data, this.frame);
    }
    this.#tell();
  }

  /** @returns {uPlot.Options} */
  #options(spec) {
    const isTime = spec.kind !== "bars";
    const grid = { stroke: colour("--grid"), width: 1 };
    const text = { stroke: colour("--ink-soft"), font: FONT };
    const painted = spec.kind === "stack" ? [...spec.series].reverse() : spec.series;
    return {
      width: this.host.clientWidth || 300,
      height: this.#height(),
      padding: [20, 22, 0, 0],
      legend: { show: false },
      cursor: {
        x: true,
        y: false,
        drag: { x: isTime, y: false, setScale: false, dist: 8 },
        points: { show: spec.kind === "lines", size: 7 },
        ...(isTime ? { sync: { key: "time", setSeries: false } } : {}),
      },
      scales: {
        x: { time: isTime, range: () => this.spec.range },
        y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.06 : 1] },
      },
      axes: [
        {
          ...text,
          grid: { show: false },
          ticks: { ...grid, size: 4 },
          size: 28,
          space: 64,
          values: (_plot, splits, _axis, _space, step) => splits.map((at) => this.#label(at, step)),
        },
        {
          ...text,
          grid,
          ticks: { show: false },
          size: 58,
          gap: 6,
          space: 42,
          values: (_p, at) => at.map(spec.unit),
          ...(spec.isWhole ? { incrs: WHOLE } : {}),
        },
      ],
      series: [
        {},
        ...painted.map((one) => line(one, spec.kind)),
        ...(isTime ? [{ stroke: colour("--ink-soft"), width: 1.25, dash: [3, 3], points: { show: false } }] : []),
      ],
      hooks: {
        setCursor: [() => this.#tell()],
        setSelect: [(plot) => this.#selected(plot)],
        draw: [(plot) => hatch(plot, this.spec), (plot) => marks(plot, this.spec.marks ?? [])],
      },
    };
  }

  /** A tick's label; days where steps are days. */
  #label(at, step) {
    if (this.spec.kind === "bars") return Number.isInteger(at) ? this.spec.tick(at) : "";
    const ms = at * 1_000;
    const isMidnight = new Date(ms).getHours() === 0 && new Date(ms).getMinutes() === 0;
    return timeText(ms, step >= 86_400 || isMidnight ? "day" : "minute");
  }

  #selected(plot) {
    const { left, width } = plot.select;
    if (width < 8 || !this.spec.zoom) return;
    const at = (position) => Math.round(plot.posToVal(position, "x") * 1_000);
    const [from, to] = [at(left), at(left + width)];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    const step = this.spec.step;
    this.spec.zoom(Math.floor(from / step) * step, Math.ceil(to / step) * step);
  }

  #tell() {
    const { plot, spec } = this;
    const n = plot?.cursor?.idx;
    const isMine = this.frame.matches(":hover") || document.activeElement === this.frame;
    if (!plot || n === null || n === undefined || n >= spec.x.length || !isMine) return this.tip.hide();
    const rows = spec.series.map(({ label, colour: name, values }) => ({ label, colour: name, value: values[n] }));
    const at = plot.valToPos(spec.x[n], "x") + plot.bbox.left / devicePixelRatio;
    const unit = spec.exact ?? spec.unit;
    const before = spec.before?.[n];
    this.tip.show({ title: spec.when(n), rows, unit, total: spec.kind === "stack", before }, at);
  }

  #key(event) {
    const { plot, spec } = this;
    if (!plot) return;
    const last = spec.x.length - 1;
    const now = plot.cursor.idx ?? last + 1;
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") return this.#leave();
    if (to === undefined) return;
    event.preventDefault();
    const n = Math.min(last, Math.max(0, to));
    plot.setCursor({ left: plot.valToPos(spec.x[n], "x"), top: 10 });
  }

  #leave() {
    this.plot?.setCursor({ left: -10, top: -10 });
    this.tip.hide();
  }

  #height() {
    return this.host.clientWidth > 500 ? (this.spec.height ?? HEIGHT) : HEIGHT;
  }

  #resize() {
    const width = this.host.clientWidth;
    if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: this.#height() });
  }
}

function line({ label, colour: name, width }, kind) {
  const stroke = colour(name);
  if (kind === "lines")
    return { label, stroke, width: width ?? 1.75, points: { size: 4, fill: stroke, filter: lonely } };
  const paths = uPlot.paths.bars?.({ size: [0.86, 48], align: 0, radius: 0 });
  return { label, stroke, fill: stroke, width: 0, paths, points: { show: false } };
}

/** Points without neighbours, which no line would show. */
function lonely(plot, series) {
  const values = plot.data[series];
  const isGap = (n) => values[n] === null || values[n] === undefined;
  const alone = values.flatMap((_value, n) => (!isGap(n) && isGap(n - 1) && isGap(n + 1) ? [n] : []));
  return alone.length ? alone : null;
}

// A small trend without axes, as SVG: a line over a faint area.
import { svg } from "./element.js";

const [WIDTH, HEIGHT] = [100, 28];

/**
 * `values` from old to new; null is a gap. `label` is its text alternative; without one it is decoration.
 * @param {(number | null | undefined)[]} values
 * @param {{ label?: string, tone?: string }} [look]
 */
export function spark(values, { label, tone = "accent" } = {}) {
  const known = values.filter((value) => value !== null && value !== undefined);
  const access = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  const frame = { class: `spark ${tone}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", ...access };
  if (known.length < 2) return svg("svg", frame);
  const top = Math.max(...known) || 1;
  const x = (n) => round((n / (values.length - 1)) * WIDTH);
  const y = (value) => round(HEIGHT - 1.5 - (value / top) * (HEIGHT - 4));
  let line = "";
  let area = "";
  /** @type {number | null} */
  let runStart = null;
  values.forEach((value, n) => {
    const isGap = value === null || value === undefined;
    if (!isGap) {
      line += `${runStart === null ? "M" : "L"}${x(n)} ${y(value)}`;
      area += `${runStart === null ? `M${x(n)} ${HEIGHT}` : ""}L${x(n)} ${y(value)}`;
      runStart ??= n;
    }
    if (runStart !== null && (isGap || n === values.length - 1)) {
      area += `L${x(isGap ? n - 1 : n)} ${HEIGHT}Z`;
      runStart = null;
    }
  });
  return svg("svg", frame, svg("path", { class: "area", d: area }), svg("path", { class: "line", d: line }));
}

const round = (value) => Math.round(value * 10) / 10;

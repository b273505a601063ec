// What is drawn over a chart: vertical marks with a name, and the hatching of what still fills.
import { colour } from "./theme.js";

/** Vertical lines with a name above them: percentiles in a histogram, changes of the flag. */
export function marks(plot, list) {
  const { ctx, bbox } = plot;
  const px = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("--ink");
  ctx.font = `${11 * px}px system-ui, sans-serif`;
  ctx.lineWidth = px;
  ctx.setLineDash([3 * px, 3 * px]);
  let free = 0; // where names may begin: of those that would overlap, the first is written
  for (const { at, label } of list) {
    const x = Math.round(plot.valToPos(at, "x", true));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top - 4 * px);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const width = ctx.measureText(label).width;
    const left = Math.min(x - width / 2, bbox.left + bbox.width - width / 2);
    if (left < free) continue;
    ctx.fillText(label, left, bbox.top - 8 * px);
    free = left + width + 4 * px;
  }
  ctx.restore();
}

/** Stripes over the bar that still fills. */
export function hatch(plot, { kind, open, step, x }) {
  if (kind !== "stack" || open === null || open === undefined || !plot.data[1]?.[open]) return;
  const { ctx, bbox } = plot;
  const px = devicePixelRatio;
  const at = (seconds) => plot.valToPos(seconds, "x", true);
  const [left, right] = [at(x[open] - step / 2_000), at(x[open] + step / 2_000)];
  const top = plot.valToPos(plot.data[1][open], "y", true);
  const bottom = bbox.top + bbox.height;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, right - left, bottom - top);
  ctx.clip();
  ctx.strokeStyle = colour("--card");
  ctx.lineWidth = 2 * px;
  ctx.beginPath();
  for (let from = left - (bottom - top); from < right; from += 5 * px) {
    ctx.moveTo(from, bottom);
    ctx.lineTo(from + bottom - top, top);
  }
  ctx.stroke();
  ctx.restore();
}

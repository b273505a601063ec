// Figures as text, with units; and as elements that carry the exact value for tooltips, copying and tests.
import { h } from "./element.js";

const SPACE = "\u202f"; // a narrow space that doesn't break

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 3 });
const percents = [1, 2, 3].map((digits) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }));
const three = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });

/** 12,345 */
export const countText = (n) => whole.format(n);

/** 12.3K, for places with little room. */
export const shortText = (n) => (n < 10_000 ? whole.format(n) : short.format(n));

/** 12.3 ms, 1.24 s */
export function msText(ms) {
  if (ms >= 60_000) return `${three.format(ms / 60_000)}${SPACE}min`;
  if (ms >= 1_000) return `${three.format(ms / 1_000)}${SPACE}s`;
  return `${three.format(ms)}${SPACE}ms`;
}

/** 0.31 %; what is there never becomes 0, and what is missing never becomes 100. */
export function shareText(share) {
  const percent = share * 100;
  if (percent > 0 && percent < 0.001) return `<${SPACE}0.001${SPACE}%`;
  if (percent < 100 && percent >= 99.95) return `>${SPACE}99.9${SPACE}%`;
  return `${percents[percent < 1 ? 2 : percent < 10 ? 1 : 0].format(percent)}${SPACE}%`;
}

/** Parts per million as a share. */
export const ppmText = (ppm) => shareText(ppm / 1_000_000);

/** 12.3 /s; what is rarer, by the minute, hour or day: two requests in an hour are 2 /h. */
export function rateText(perSecond) {
  const units = { s: 1, min: 60, h: 3_600, d: 86_400 };
  const rare = perSecond ? "d" : "s";
  const unit = Object.keys(units).find((name) => perSecond * units[name] >= 1) ?? rare;
  const rate = perSecond * units[unit];
  return `${rate >= 1_000 ? shortText(rate) : three.format(rate)}${SPACE}/${unit}`;
}

/** How a figure has changed since the period before: +12 %, −3 %, ×14. */
export function changeText(now, before) {
  const change = now / before - 1;
  if (Math.abs(change) < 0.005) return `±0${SPACE}%`;
  if (change >= 9) return `×${three.format(now / before)}`;
  return `${change > 0 ? "+" : "−"}${whole.format(Math.abs(change) * 100)}${SPACE}%`;
}

/** A span of time in words' short forms: 45 s, 12 min, 3 h 20 min, 5 d. */
export function spanText(ms) {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds}${SPACE}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}${SPACE}min`;
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours < 24) return rest ? `${hours}${SPACE}h ${rest}${SPACE}min` : `${hours}${SPACE}h`;
  const [days, left] = [Math.floor(hours / 24), hours % 24];
  return left && days < 3 ? `${days}${SPACE}d ${left}${SPACE}h` : `${days}${SPACE}d`;
}

/** A figure's element: its text, and the exact value as `value` and on hover. */
export function figure(value, text, title) {
  const exact = title ?? (Number.isInteger(value) ? whole : precise).format(value);
  return h("data", { value: String(value), title: exact === text ? null : exact }, text);
}

/** What takes the place of a figure that isn't known. */
export const none = (why = "not known") =>
  h("span", { class: "none", title: why, "aria-label": why, role: "img" }, "–");

export const count = (n) => (n === null || n === undefined ? none() : figure(n, countText(n)));
export const shortCount = (n) => (n === null || n === undefined ? none() : figure(n, shortText(n)));
export const milliseconds = (ms) =>
  ms === null || ms === undefined ? none("no requests") : figure(ms, msText(ms), `${precise.format(ms)}${SPACE}ms`);

/** A part of a whole, with both on hover. */
export function share(part, all) {
  if (!all) return none("no requests");
  return figure(part / all, shareText(part / all), `${whole.format(part)} of ${whole.format(all)}`);
}

/** One of something, or several: plural(1, "event") is "1 event". */
export const plural = (n, one, many = `${one}s`) => `${countText(n)} ${n === 1 ? one : many}`;

// Times in the reader's zone, with UTC on hover.
import { h } from "./element.js";
import { spanText } from "./figure.js";

const formats = {
  minute: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  day: { month: "short", day: "numeric" },
  full: { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  short: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
  // The server's days begin at midnight UTC: their names are the same everywhere.
  utcDay: { month: "short", day: "numeric", timeZone: "UTC" },
  utcWeekday: { weekday: "short", month: "short", day: "numeric", timeZone: "UTC" },
  offset: { timeZoneName: "shortOffset" },
};
const made = new Map(); // formatters, which cost a millisecond each, as they are needed
const formatter = (name, more = {}) => {
  const key = `${name} ${Object.keys(more)}`;
  if (!made.has(key)) made.set(key, new Intl.DateTimeFormat(undefined, { ...formats[name], ...more, hourCycle: "h23" }));
  return made.get(key);
};

const WITHOUT_HOUR = ["day", "utcDay", "utcWeekday"];

const WITHOUT_DAY = ["minute", "second"];
const isThisYear = (ms) => new Date(ms).getFullYear() === new Date().getFullYear();

/**
 * A time as text: minute, second, day, short (day and minute) or full; utcDay or utcWeekday. Another year is named. An
 * hour that the zone has twice, since its clocks go back, is told with its distance from UTC.
 */
export function timeText(ms, form = "short") {
  const year = WITHOUT_DAY.includes(form) || isThisYear(ms) ? {} : { year: "numeric" };
  const text = formatter(form, year).format(ms);
  return WITHOUT_HOUR.includes(form) || !isTwice(ms) ? text : `${text} ${offsetText(ms)}`;
}

/** Whether clocks show this time twice. They are moved by an hour, or by half of one. */
const isTwice = (ms) => [-60, -30, 30, 60].some((minutes) => wallClock(ms) === wallClock(ms + minutes * 60_000));

const wallClock = (ms) => formatter("full").format(ms);

const offsetText = (ms) => formatter("offset").formatToParts(ms).find(({ type }) => type === "timeZoneName").value;

/** The reader's zone, with its distance from UTC now. */
export const zoneText = () => `${Intl.DateTimeFormat().resolvedOptions().timeZone} (${offsetText(Date.now())})`;

/** The same in UTC, to the second. */
export const utcText = (ms) => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** A time's element. */
export function time(ms, form = "short") {
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return h("span", null, "–");
  return h("time", { datetime: at.toISOString(), title: utcText(ms) }, timeText(ms, form));
}

/** How long ago, with the time itself on hover. */
export function ago(ms, now = Date.now()) {
  const text = now - ms < 1_000 ? "just now" : `${spanText(now - ms)} ago`;
  const title = `${timeText(ms, "full")} (${utcText(ms)})`;
  return h("time", { datetime: new Date(ms).toISOString(), title }, text);
}

/** From one time to another, without saying the day twice. */
export function spanOfText(from, to) {
  const sameDay = new Date(from).toDateString() === new Date(to - 1).toDateString();
  const wholeDays = to - from >= 86_400_000 && (to - from) % 86_400_000 === 0;
  if (wholeDays && to - from === 86_400_000) return `${timeText(from)} – ${timeText(to)}`;
  return sameDay ? `${timeText(from)} – ${timeText(to, "minute")}` : `${timeText(from)} – ${timeText(to)}`;
}

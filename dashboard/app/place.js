// The place in the dashboard that the address names. Everything that a person chose is in it, so that reload, back and
// forward, and a link sent to a colleague show the same.
import { DEFAULT, RANGES } from "./range.js";

export const VIEWS = ["overview", "path", "trace", "rollout", "parity", "pipeline"];
export const SORTS = ["requests", "errors", "p50", "p95", "p99", "path"];

const DEFAULTS = {
  view: "overview",
  range: DEFAULT,
  sort: "requests",
  order: "desc",
  search: "",
  pages: 1,
  path: "",
  id: "",
  window: "",
  live: "on",
  hide: "",
  noise: "folded",
};

/** What of a place holds in every view: the rest belongs to one. */
const EVERYWHERE = ["range", "from", "to", "live", "hide"];

const oneOf = (list, text, otherwise) => (list.includes(text) ? text : otherwise);

/** Reads `location.search`; what makes no sense is as if it weren't there. */
export function placeOf(query) {
  const given = new URLSearchParams(query);
  const text = (name) => given.get(name) ?? DEFAULTS[name];
  const place = {
    ...DEFAULTS,
    view: oneOf(VIEWS, given.get("view"), DEFAULTS.view),
    range: oneOf(Object.keys(RANGES), given.get("range"), DEFAULTS.range),
    sort: oneOf(SORTS, given.get("sort"), DEFAULTS.sort),
    search: text("search").slice(0, 256),
    path: text("path"),
    id: text("id").trim(),
    window: text("window"),
    live: oneOf(["on", "off"], given.get("live"), "on"),
    hide: text("hide"),
    noise: oneOf(["folded", "shown"], given.get("noise"), DEFAULTS.noise),
    pages: Math.min(20, Math.max(1, Number.parseInt(given.get("pages") ?? "1", 10) || 1)),
  };
  place.order = oneOf(["asc", "desc"], given.get("order"), naturalOrder(place.sort));
  const [from, to] = [Number(given.get("from")), Number(given.get("to"))];
  if (from > 0 && to > from) Object.assign(place, { from, to });
  return place;
}

/** Names read from A, figures from the largest. */
export const naturalOrder = (sort) => (sort === "path" ? "asc" : "desc");

/** The address of a place, as a query; defaults are left out. */
export function addressOf(place) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(place)) {
    const usual = name === "order" ? naturalOrder(place.sort) : DEFAULTS[name];
    if (name === "range" && place.from) continue;
    if (value !== undefined && value !== usual) query.set(name, String(value));
  }
  const text = query.toString().replaceAll("%2F", "/");
  return text ? `?${text}` : "?";
}

/** The address of another view, which keeps range and the like. */
export function towards(place, changes) {
  const kept = Object.fromEntries(EVERYWHERE.map((name) => [name, place[name]]));
  return addressOf({ ...DEFAULTS, ...kept, ...changes });
}

/** The address of this view with changes. A new range, search or order begins at the first page. */
export function changed(place, changes) {
  const next = { ...place, pages: 1, ...changes };
  if ("range" in changes) next.from = next.to = undefined;
  return addressOf(next);
}

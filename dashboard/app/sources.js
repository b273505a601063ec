// Where each kind of figure is read, and how often.
import { rangeQuery, refreshOf } from "./range.js";

const API = "v1";

function address(route, parameters) {
  const query = new URLSearchParams(Object.entries(parameters ?? {}).filter(([, value]) => value));
  const text = query.toString();
  return `${API}/${route}${text ? `?${text}` : ""}`;
}

const calm = 10_000; // for what changes by the minute
const slow = 30_000; // for what costs the Worker more
const past = 300_000;

const BRIEF_PATHS = 12; // about what is seen of the table before anybody scrolls

/** All that views may need, over one feed. */
export class Sources {
  constructor(feed) {
    this.feed = feed;
    this.brief = false; // whether only the first paths are given
  }

  stats(place) {
    return this.feed.need(address("stats", { ...rangeQuery(place), detail: "total" }), refreshOf(place), "stats");
  }

  series(place) {
    return this.feed.need(address("series", rangeQuery(place)), refreshOf(place), "series");
  }

  /**
   * The period before the one that `read` is about: figures and series, once that is known. `ms` is how far it lies back.
   * What is over hardly changes.
   */
  before({ data }, path) {
    if (!data) return null;
    const ms = Math.ceil((data.to - data.from) / data.stepMs) * data.stepMs;
    const query = { from: String(data.from - ms), to: String(data.to - ms) };
    const of = (route, slot, more = {}) => this.feed.need(address(route, { ...query, ...more }), past, `before ${slot}`, true);
    const route = `paths/${encodeURIComponent(path ?? "")}`;
    const stats = (path ? of(route, route) : of("stats", "stats", { detail: "total" })).data;
    const series = (path ? of(`${route}/series`, `${route} series`) : of("series", "series")).data;
    // Half of a store would look like a fall.
    if ([data, stats, series].some((read) => read?.missing.length)) return null;
    return { ms, seconds: stats && (stats.to - stats.from) / 1_000, figures: stats?.figures ?? stats?.total, series };
  }

  /** The pages of the table, as one answer. */
  paths(place) {
    let cursor = "";
    let whole;
    for (let page = 1; page <= place.pages; page++) {
      const { sort, order, search } = place;
      const query = { ...rangeQuery(place), sort, order, search, limit: "50", cursor };
      const read = this.feed.need(address("paths", query), refreshOf(place), `paths ${page}`);
      if (!read.data) return whole ? { ...whole, waiting: true } : read;
      const paths = [...(whole?.data.paths ?? []), ...read.data.paths];
      whole = { ...read, old: read.old || whole?.old, data: { ...read.data, paths } };
      cursor = read.data.next;
      if (!cursor) break;
    }
    if (this.brief) whole.data.paths = whole.data.paths.slice(0, BRIEF_PATHS);
    return whole;
  }

  csv(place) {
    const { sort, order, search } = place;
    return address("paths", { ...rangeQuery(place), sort, order, search, format: "csv" });
  }

  path(place) {
    const route = `paths/${encodeURIComponent(place.path)}`;
    return this.feed.need(address(route, rangeQuery(place)), refreshOf(place), route);
  }

  pathSeries(place) {
    const route = `paths/${encodeURIComponent(place.path)}/series`;
    return this.feed.need(address(route, rangeQuery(place)), refreshOf(place), route);
  }

  exemplars(place) {
    const query = { path: place.path, ...rangeQuery(place) };
    return this.feed.need(address("exemplars", query), Math.max(calm, refreshOf(place)), `exemplars ${place.path}`);
  }

  trace(id) {
    return this.feed.need(address(`trace/${encodeURIComponent(id)}`), slow);
  }

  flag() {
    return this.feed.need(address("flag"), calm);
  }

  flagDocument() {
    return this.feed.need(address("flag/document"), calm);
  }

  flagHistory() {
    return this.feed.need(address("flag/history"), slow, "history", true);
  }

  flagStatus() {
    return this.feed.need(address("flag/status"), calm);
  }

  parity(kind, limit, aside = false) {
    return this.feed.need(address("parity", { kind, limit: String(limit) }), slow, `parity ${kind}`, aside);
  }

  parityWindow(window) {
    return this.feed.need(address(`parity/${window}`), slow);
  }

  readiness() {
    return this.feed.need(address("readiness"), 60_000);
  }

  health() {
    return this.feed.need(address("health"), calm);
  }

  deadLetters() {
    return this.feed.need(address("dead-letters"), slow, "dead-letters", true);
  }

  /** Puts in the snapshot, as if its parts had been read when it was computed. */
  seed(snapshot, place) {
    const at = snapshot.computedAt;
    const { stats, series, flag, parity, health } = snapshot;
    const query = rangeQuery({ range: snapshot.range });
    const span = { from: series?.from, to: series?.to };
    const put = (route, data, parameters) => this.feed.seed(address(route, parameters), data, at);
    put("stats", stats && { ...span, ...stats }, { ...query, detail: "total" });
    put("series", series, query);
    put("flag", flag);
    put("health", health);
    if (parity) put("parity", { reports: [parity.hour].filter(Boolean) }, { kind: "hour", limit: "24" });
    if (!place.search && place.sort === "requests" && place.order === "desc" && snapshot.paths) {
      const paths = Array.isArray(snapshot.paths) ? { ...span, paths: snapshot.paths, next: null } : snapshot.paths;
      put("paths", paths, { ...query, sort: "requests", order: "desc", limit: "50" });
    }
  }
}

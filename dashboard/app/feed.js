// Reads the API, and reads it again. A view says while it is drawn what it needs and how often; what is no longer
// needed is no longer read.
//
// Invariants: a failed read never takes figures away, it only lets them age. Nothing is read while the page is hidden
// or paused, but for what was never read.

const TIMEOUT_MS = 15_000;
const SLOWEST_RETRY_MS = 60_000;
const INCOMPLETE_MS = 10_000; // what lacks a part is read again as soon as this
const MOST_KEPT = 40; // reads that are remembered although nobody needs them now

/** An answer that is no success: the problem document, as far as there is one. */
export class ReadError extends Error {
  constructor(status, title, detail) {
    super(detail || title);
    Object.assign(this, { status, title, detail });
  }
}

async function ask(url, known) {
  let response;
  /** @type {HeadersInit} */
  const headers = known?.etag ? { "If-None-Match": known.etag } : {};
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(url, { headers, cache: "no-store", credentials: "same-origin", signal });
  } catch (error) {
    const slow = error.name === "TimeoutError";
    throw new ReadError(
      0,
      slow ? "No answer" : "Not reachable",
      slow ? `no answer within ${TIMEOUT_MS / 1_000} seconds` : "the gateway can't be reached from this browser",
    );
  }
  if (response.status === 304 && known) return known;
  const body = await response.json().catch(() => null);
  if (!response.ok)
    throw new ReadError(response.status, body?.title ?? `Status ${response.status}`, body?.detail ?? "");
  if (body === null) throw new ReadError(response.status, "Unreadable answer", "the answer is no JSON");
  return { data: body, etag: response.headers.get("ETag") };
}

/** What answers lack, each part once. */
function missingIn(reads) {
  const all = reads.flatMap((read) => read.data?.missing ?? []);
  return [...new Map(all.map((one) => [`${one.store} ${one.reason}`, one])).values()];
}

export class Feed {
  #reads = new Map(); // by URL: { data, etag, at, error, failures, pending, every }
  #last = new Map(); // by slot: what it showed last
  #needed = new Set();
  #timer = 0;
  #changed;

  /** `changed` is called when something was read, or could not be. */
  constructor(changed) {
    this.#changed = changed;
    this.paused = false; // what is known stays as it is
    this.held = false; // nothing is read at all, for now
    document.addEventListener("visibilitychange", () => this.#schedule());
    addEventListener("online", () => this.again());
  }

  /** Puts in what was known before anything was read, `at` its own time. */
  seed(url, data, at) {
    if (data !== null && data !== undefined) this.#reads.set(url, { data, at, failures: 0, seeded: true });
  }

  /** Draws, and notes what the drawing needs. */
  drawing(draw) {
    this.#needed = new Set();
    draw();
    this.#forget();
    this.#schedule();
  }

  /**
   * What is known of this URL: `{ data, at, error, old }`. Read anew every `every` ms. Where nothing is known yet, the
   * last data of the same `slot` comes, marked `old`. Where a read is `aside`, its error is told in its own place alone:
   * the page's figures stand without it.
   */
  need(url, every, slot = url, aside = false) {
    let read = this.#reads.get(url);
    if (!read) {
      read = { failures: 0 };
      this.#reads.set(url, read);
    }
    Object.assign(read, { every, aside });
    this.#needed.add(url);
    if (read.data !== undefined) {
      this.#last.set(slot, read);
      return read;
    }
    const before = this.#last.get(slot);
    return before && !read.error ? { ...before, error: undefined, old: true } : read;
  }

  /** Reads everything that is needed now. */
  again() {
    for (const url of this.#needed) void this.#read(url);
  }

  /**
   * How the reads that are needed stand together: since when the figures that change fastest hold, whether any is
   * overdue, the first error, since when an answer is awaited, and what the answers say that they lack.
   */
  state(now = Date.now()) {
    const reads = [...this.#needed].map((url) => this.#reads.get(url)).filter(Boolean);
    const known = reads.filter((read) => read.at);
    const fastest = Math.min(...known.map((read) => read.every));
    const times = known.filter((read) => read.every === fastest).map((read) => read.at);
    return {
      at: times.length ? Math.min(...times) : null,
      stale: known.some((read) => !read.seeded && now - read.at > 3 * read.every + 5_000),
      failed: reads.find((read) => read.error && !read.aside)?.error ?? null,
      loading: reads.some((read) => read.pending && (!read.at || read.seeded)),
      since: Math.min(...reads.filter((read) => read.pending).map((read) => read.beganAt)),
      missing: missingIn(reads),
    };
  }

  #forget() {
    for (const url of this.#reads.keys()) {
      if (this.#reads.size <= MOST_KEPT) return;
      if (!this.#needed.has(url)) this.#reads.delete(url);
    }
  }

  #dueAt(read) {
    if (read.pending) return Infinity;
    const isNew = read.data === undefined && !read.error;
    if (isNew) return 0;
    if (this.paused || document.hidden) return Infinity;
    if (read.seeded) return 0;
    const every = read.data?.missing?.length ? Math.min(INCOMPLETE_MS, read.every) : read.every;
    const wait = read.failures ? Math.min(SLOWEST_RETRY_MS, 2_000 * 2 ** (read.failures - 1)) : every;
    return (read.triedAt ?? 0) + wait;
  }

  #schedule() {
    clearTimeout(this.#timer);
    if (this.held) return;
    const now = Date.now();
    let next = Infinity;
    for (const url of this.#needed) {
      const read = this.#reads.get(url);
      const due = this.#dueAt(read);
      if (due <= now) void this.#read(url);
      else next = Math.min(next, due);
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.#schedule(), Math.max(50, next - now));
  }

  async #read(url) {
    const read = this.#reads.get(url);
    if (!read || read.pending) return;
    read.pending = true;
    const beganAt = Date.now();
    read.beganAt = beganAt;
    try {
      const { data, etag } = await ask(url, read);
      Object.assign(read, { data, etag, at: beganAt, error: undefined, failures: 0, seeded: false });
    } catch (error) {
      Object.assign(read, { error, failures: read.failures + 1, seeded: false });
    }
    Object.assign(read, { pending: false, triedAt: beganAt });
    this.#changed();
  }
}

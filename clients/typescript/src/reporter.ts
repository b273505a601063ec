/** Reports of one isolate: they wait for each other a moment, and go to the collector together. */

/** One request, as `POST /_collector/v1/events` takes it. */
export interface ReportedRequest {
  key: string;
  method: string;
  path: string;
  status: number;
  startedAt: number;
  responseTime: number;
  clientAddress?: string;
}

/** A service binding to the collector's entry point `Ingest`. */
export interface Collector {
  fetch(url: string, init: { method: string; body: string; signal: AbortSignal }): Promise<Response>;
}

/** How reports are sent. */
export interface ReporterOptions {
  /** How long a report waits for others, in ms. 200 if left out; 0 sends each by itself. */
  lingerMs?: number;
  /** Reports that are sent at once, without waiting for more; at most 500. 100 if left out. */
  batch?: number;
}

/** Requests since the isolate began. */
export interface Counters {
  /** Taken by the collector, counted there now or before. */
  reported: number;
  /** Refused by the collector. */
  refused: number;
  /** Not reported, because the binding is missing. */
  unbound: number;
  /** Not taken: the collector did not answer, or answered that it could not take them. */
  failed: number;
}

/** What keeps a Worker alive after its answer. */
export interface Waiting {
  waitUntil(promise: Promise<unknown>): void;
}

const MOST = 500;
/** Longer than any linger: a request that was to send and was ended blocks nobody for longer, in ms. */
const LEADER_MS = 2_000;
/** How long the collector may take, in ms. */
const DEADLINE_MS = 10_000;
const TRIES = 2;

export class Reporter {
  readonly counters: Counters = { reported: 0, refused: 0, unbound: 0, failed: 0 };
  #waiting: ReportedRequest[] = [];
  #leadingSince: number | undefined;

  /** Adds a report. It is sent by this request, or by one that came a moment before. */
  add(request: ReportedRequest, collector: unknown, context: Waiting, options: ReporterOptions): void {
    if (!isCollector(collector)) {
      this.counters.unbound += 1;
      return;
    }
    const { lingerMs = 200, batch = 100 } = options;
    this.#waiting.push(request);
    const now = Date.now();
    if (lingerMs <= 0 || this.#waiting.length >= Math.min(batch, MOST)) {
      context.waitUntil(this.#send(collector));
    } else if (this.#leadingSince === undefined || Math.abs(now - this.#leadingSince) > lingerMs + LEADER_MS) {
      this.#leadingSince = now;
      context.waitUntil(this.#lead(collector, lingerMs));
    }
  }

  async #lead(collector: Collector, lingerMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, lingerMs));
    this.#leadingSince = undefined;
    await this.#send(collector);
  }

  /** Sends what waits. Sent twice, it counts once. */
  async #send(collector: Collector): Promise<void> {
    const requests = this.#waiting.splice(0, MOST);
    if (requests.length === 0) return;
    const body = JSON.stringify({ requests });
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const answer = await ask(collector, body);
      if (answer) {
        this.counters.reported += answer.accepted + answer.repeated;
        this.counters.refused += answer.refused;
        return;
      }
    }
    this.counters.failed += requests.length;
  }
}

function isCollector(value: unknown): value is Collector {
  return typeof (value as Collector | undefined)?.fetch === "function";
}

/** What the collector says of a batch; undefined if it did not take it. */
async function ask(collector: Collector, body: string) {
  try {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const response = await collector.fetch("https://path-collector/events", { method: "POST", body, signal });
    if (!response.ok) return undefined;
    return (await response.json()) as { accepted: number; repeated: number; refused: number };
  } catch {
    return undefined;
  }
}

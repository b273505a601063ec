// A model of the platform's queues whose time is the test's: what waits for hours waits for no real second.
//
// It keeps what the platform promises: batches of at most 100 messages, after 5 s or when full; attempts counted from 1;
// a delay for each retry; after `max_retries` the dead-letter queue, where there is one, else the message is gone; what
// is older than the queue's retention is gone. Time moves only from one delivery to the next.

/** As `wrangler.toml` has them. */
const QUEUES = {
  "traffic-events": { maxRetries: 3, deadLetters: "traffic-events-dlq" },
  "traffic-events-dlq": { maxRetries: 100 },
};

const BATCH_SIZE = 100;
const BATCH_TIMEOUT_MS = 5_000;

/** The platform's own, unless a queue was made with another. */
const DEFAULT_RETENTION_MS = 4 * 24 * 3_600_000;

export class Broker {
  #queues = Object.fromEntries(Object.keys(QUEUES).map((name) => [name, []]));
  #retentionMs;
  #now;
  #sent = 0;
  #events = 0;
  #expired = 0;
  #dropped = 0;
  #mostAttempts = 0;
  /** Times of all deliveries, by body: a message that is sent anew stays the same. */
  #deliveries = new Map();

  constructor(now, { retentionMs = DEFAULT_RETENTION_MS } = {}) {
    this.#now = now;
    this.#retentionMs = retentionMs;
  }

  send(body) {
    // What is sent anew is no new message.
    if (!this.#deliveries.has(body)) {
      this.#events += JSON.parse(body).events?.length ?? 0;
      this.#deliveries.set(body, []);
    }
    this.#put("traffic-events", `message-${++this.#sent}`, body);
  }

  #put(queue, id, body) {
    this.#queues[queue].push({ id, body, sentAt: this.#now(), attempts: 0, dueAt: this.#now() });
  }

  /** Delivers what is due until a time (ms). `setNow` moves the clock; `consume` is the Worker's handler. */
  async run(until, setNow, consume) {
    for (;;) {
      const [name, dueAt] = this.#next();
      const at = Math.max(this.#now(), dueAt);
      if (at > until) break;
      setNow(at);
      this.#expire();
      await this.#deliver(name, consume);
    }
    setNow(until);
    this.#expire();
  }

  /** The queue whose batch is due first, and when: as soon as it is full, or 5 s after its first message. */
  #next() {
    /** @type {[string, number]} */
    let first = ["", Infinity];
    for (const [name, messages] of Object.entries(this.#queues)) {
      const times = messages.map(({ dueAt }) => dueAt).sort((a, b) => a - b);
      const at = Math.min((times[0] ?? Infinity) + BATCH_TIMEOUT_MS, times[BATCH_SIZE - 1] ?? Infinity);
      if (at < first[1]) first = [name, at];
    }
    return first;
  }

  #expire() {
    for (const [name, messages] of Object.entries(this.#queues)) {
      const kept = messages.filter(({ sentAt }) => this.#now() - sentAt < this.#retentionMs);
      this.#expired += messages.length - kept.length;
      this.#queues[name] = kept;
    }
  }

  async #deliver(name, consume) {
    const due = this.#queues[name].filter(({ dueAt }) => dueAt <= this.#now()).sort((a, b) => a.dueAt - b.dueAt);
    const batch = due.slice(0, BATCH_SIZE);
    this.#queues[name] = this.#queues[name].filter((message) => !batch.includes(message));
    const answers = new Map();
    const messages = batch.map((message) => {
      message.attempts += 1;
      this.#mostAttempts = Math.max(this.#mostAttempts, message.attempts);
      this.#deliveries.get(message.body).push(this.#now());
      const { id, sentAt, attempts, body } = message;
      return {
        id, timestamp: new Date(sentAt), attempts, body,
        ack: () => answers.set(id, "ack"),
        retry: (options) => answers.set(id, options ?? {}),
      };
    });
    let failed = false;
    try {
      await consume({ queue: name, messages, ackAll() {}, retryAll() {} });
    } catch {
      failed = true;
    }
    for (const message of batch) {
      const answer = answers.get(message.id) ?? (failed ? {} : "ack");
      if (answer !== "ack") this.#retry(name, message, answer.delaySeconds ?? 0);
    }
  }

  #retry(name, message, delaySeconds) {
    const { maxRetries, deadLetters } = QUEUES[name];
    if (message.attempts <= maxRetries) {
      this.#queues[name].push({ ...message, dueAt: this.#now() + delaySeconds * 1_000 });
    } else if (deadLetters) {
      this.#put(deadLetters, message.id, message.body);
    } else {
      this.#dropped += 1;
    }
  }

  /** What happened so far. */
  state() {
    return {
      now: this.#now(),
      sent: this.#sent,
      events: this.#events,
      waiting: Object.fromEntries(Object.entries(this.#queues).map(([name, messages]) => [name, messages.length])),
      expired: this.#expired,
      dropped: this.#dropped,
      mostAttempts: this.#mostAttempts,
      deliveries: [...this.#deliveries.values()],
    };
  }
}

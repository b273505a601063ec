// Both paths' ends: each event is stored once, with its minute's and path's figures.
import { DurableObject } from "cloudflare:workers";

/** One request, as the plan records it. */
export interface TrafficEvent {
  idempotentId: string;
  timestamp: number;
  path: string;
  clientIpHash: string;
  responseTime: number;
  status: number;
}

export interface Env {
  FLAGS: KVNamespace;
  DB: D1Database;
  PATH_COLLECTOR: DurableObjectNamespace<PathCollector>;
  TRAFFIC_QUEUE: Queue<TrafficEvent>;
  UPSTREAM: Fetcher;
}

/** Values of a row of `stats`: minute, path, errors and response time. */
const statsOf = ({ timestamp, path, status, responseTime }: TrafficEvent) =>
  [timestamp - (timestamp % 60_000), path, Number(status >= 500), responseTime] as const;

const MERGE = `
  ON CONFLICT DO UPDATE SET requests = requests + 1, errors = errors + excluded.errors,
    response_time_sum = response_time_sum + excluded.response_time_sum,
    response_time_max = max(response_time_max, excluded.response_time_max)`;

const INSERT_EVENT = `
  INSERT OR IGNORE INTO events (id, timestamp, path, client_ip_hash, response_time, status)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6)`;

// Only for an event that the statement before it has inserted.
const COUNT_EVENT = `INSERT INTO stats SELECT ?1, ?2, 1, ?3, ?4, ?4 WHERE changes() > 0 ${MERGE}`;

/** The new path: one round trip and one transaction for a whole batch. */
export async function consume(batch: MessageBatch<TrafficEvent>, env: Env): Promise<void> {
  console.log(`Received ${batch.messages.length} messages`);
  const insert = env.DB.prepare(INSERT_EVENT);
  const count = env.DB.prepare(COUNT_EVENT);
  const statements = batch.messages.flatMap(({ body: event }) => [
    insert.bind(event.idempotentId, event.timestamp, event.path, event.clientIpHash, event.responseTime, event.status),
    count.bind(...statsOf(event)),
  ]);
  try {
    await env.DB.batch(statements);
  } catch (error) {
    console.error(`Batch of ${batch.messages.length} messages is retried: ${error}`);
    for (const message of batch.messages) message.retry();
    return;
  }
  for (const message of batch.messages) message.ack();
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS stats (
    minute INTEGER NOT NULL, path TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    response_time_sum INTEGER NOT NULL, response_time_max INTEGER NOT NULL, PRIMARY KEY (minute, path)
  ) WITHOUT ROWID`;

/** The old path: one write per request, in the object's own database. */
export class PathCollector extends DurableObject<Env> {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  // Both writes belong together without a transaction: the platform commits what was written without a pause at once.
  record(event: TrafficEvent): void {
    const seen = this.#sql.exec("INSERT OR IGNORE INTO seen (id) VALUES (?)", event.idempotentId);
    if (seen.rowsWritten === 0) return;
    this.#sql.exec(`INSERT INTO stats VALUES (?1, ?2, 1, ?3, ?4, ?4) ${MERGE}`, ...statsOf(event));
  }

  requests(): number {
    return Number(this.#sql.exec("SELECT coalesce(sum(requests), 0) AS n FROM stats").one().n);
  }
}

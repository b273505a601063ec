// The old path: one write per request, dedup row and aggregates in the object's own database.
import { DurableObject } from "cloudflare:workers";

import type { Env } from "./env";
import { isError, minuteOf, type TrafficEvent } from "./event";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS stats (
    minute INTEGER NOT NULL, path TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    response_time_sum INTEGER NOT NULL, response_time_max INTEGER NOT NULL, PRIMARY KEY (minute, path)
  ) WITHOUT ROWID`;

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
    this.#sql.exec(
      `INSERT INTO stats VALUES (?1, ?2, 1, ?3, ?4, ?4)
       ON CONFLICT DO UPDATE SET requests = requests + 1, errors = errors + excluded.errors,
         response_time_sum = response_time_sum + excluded.response_time_sum,
         response_time_max = max(response_time_max, excluded.response_time_max)`,
      minuteOf(event),
      event.path,
      isError(event),
      event.responseTime,
    );
  }

  requests(): number {
    return Number(this.#sql.exec("SELECT coalesce(sum(requests), 0) AS n FROM stats").one().n);
  }
}

// The consumer: each event into D1, once; one round trip and one transaction for a whole batch.
import type { Env } from "./env";
import { isError, minuteOf, type TrafficEvent } from "./event";

const INSERT_EVENT = `
  INSERT OR IGNORE INTO events (id, timestamp, path, client_ip_hash, response_time, status)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6)`;

// Only for an event that the statement before it has inserted.
const COUNT_EVENT = `
  INSERT INTO stats SELECT ?1, ?2, 1, ?3, ?4, ?4 WHERE changes() > 0
  ON CONFLICT DO UPDATE SET requests = requests + 1, errors = errors + excluded.errors,
    response_time_sum = response_time_sum + excluded.response_time_sum,
    response_time_max = max(response_time_max, excluded.response_time_max)`;

export async function consume(batch: MessageBatch<TrafficEvent>, env: Env): Promise<void> {
  console.log(`Received ${batch.messages.length} messages`);
  const insert = env.DB.prepare(INSERT_EVENT);
  const count = env.DB.prepare(COUNT_EVENT);
  const statements = batch.messages.flatMap(({ body: event }) => [
    insert.bind(event.idempotentId, event.timestamp, event.path, event.clientIpHash, event.responseTime, event.status),
    count.bind(minuteOf(event), event.path, isError(event), event.responseTime),
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

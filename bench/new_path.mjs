// The new path's consumer by itself, in the real runtime: how long a batch takes, and what a stream costs.
import { eventOf, messageOf } from "./events.mjs";
import { figures } from "./cost.mjs";
import { perMillion, queueUnits, since } from "./pricing.mjs";
import { median } from "./statistics.mjs";
import { stream } from "./stream.mjs";
import { startVariant, VARIANTS } from "./variants.mjs";

const [MESSAGES, EVENTS] = [100, 50];
const MINUTE_MS = 60_000;

const post = (body) => ({ method: "POST", body: JSON.stringify(body) });

/** Hands a batch to the consumer, as the queue does; gives its time in ms. All of it must be acknowledged. */
async function deliver(gateway, bodies) {
  const { ms, retried } = await gateway.read("/_meter/queue", post({ bodies, sentAt: Date.now() }));
  if (retried) throw new Error(`the consumer refused ${retried} of ${bodies.length} messages: ${gateway.errors}`);
  return ms;
}

async function check(gateway, name, sent) {
  const { events, exact } = await VARIANTS[name].count(gateway);
  return events === sent && exact !== false ? [] : [`${sent} events were delivered to the consumer, ${events} stored`];
}

/** Median time of a batch of 100 messages with 50 events each, of `rounds`, in ms. */
export async function consumerTime({ run, rounds }) {
  const gateway = await startVariant("ours_queue", VARIANTS.ours_queue.metered);
  try {
    const times = [];
    for (let round = 0; round < rounds; round += 1) {
      const first = round * MESSAGES * EVENTS;
      const message = (m) => {
        const event = (e) => eventOf(`${run}-consumer`, first + m * EVENTS + e, { timestamp: Date.now() });
        return messageOf(Array.from({ length: EVENTS }, (_, e) => event(e)));
      };
      times.push(await deliver(gateway, Array.from({ length: MESSAGES }, (_, m) => message(m))));
    }
    const complaints = await check(gateway, "ours_queue", rounds * MESSAGES * EVENTS);
    return { ms: median(times), times, complaints };
  } finally {
    await gateway.stop();
  }
}

/**
 * Costs of a stream of `perSecond` events from `isolates` on 100 paths for `minutes` of virtual time: what the queue,
 * the consumer and cron would be billed. The gateway's flag reads are in the measured runs.
 */
export async function streamCost({ run, perSecond, isolates, minutes }) {
  const gateway = await startVariant("ours_queue", VARIANTS.ours_queue.metered);
  try {
    const start = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - (minutes + 1) * MINUTE_MS;
    const before = await gateway.read("/_meter");
    let [sends, minute, events] = [0, 0, 0];
    for (const batch of stream({ perSecond, isolates, seconds: minutes * 60 })) {
      for (; batch[0].atMs >= (minute + 1) * MINUTE_MS; minute += 1) {
        await gateway.read("/_meter/scheduled", { method: "POST" });
      }
      const bodies = batch.map(({ isolate, numbers }) => {
        const event = ([n, ms, seq]) => eventOf(`${run}-stream`, n, { timestamp: start + ms, isolate, seq });
        return messageOf(numbers.map(event));
      });
      // What sending them costs; that they are delivered, the meter sees by itself.
      sends += bodies.reduce((sum, body) => sum + queueUnits(Buffer.byteLength(body)), 0);
      events += batch.reduce((sum, { numbers }) => sum + numbers.length, 0);
      await deliver(gateway, bodies);
    }
    await gateway.read("/_meter/scheduled", { method: "POST" });
    const after = await gateway.read("/_meter");
    const counts = since(before, after);
    counts.queueOperations += sends;
    const { rowsWrittenPerMillion, ...rest } = figures(perMillion(counts, events));
    return {
      perSecond,
      isolates,
      minutes,
      rowsWrittenPerEvent: rowsWrittenPerMillion / 1_000_000,
      ...rest,
      wasmMb: (after.wasmPages * 65_536) / 1e6,
      complaints: await check(gateway, "ours_queue", events),
    };
  } finally {
    await gateway.stop();
  }
}

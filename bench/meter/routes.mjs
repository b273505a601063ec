// The routes of a metered Worker: `/_meter` gives the counts; a POST to `/_meter/queue` hands it a batch as the
// platform does, and one to `/_meter/scheduled` wakes it as cron does.
import { meter } from "./meter.mjs";

const PREFIX = "/_meter";

/** Answers if the request is for the meter, else gives null. `handlers` are the Worker's own. */
export async function meterRoute(request, handlers, more = () => ({})) {
  const { pathname } = new URL(request.url);
  if (!pathname.startsWith(PREFIX)) return null;
  switch (pathname.slice(PREFIX.length)) {
    case "/queue":
      return Response.json(await deliver(await request.json(), handlers.queue));
    case "/scheduled":
      await handlers.scheduled?.();
      return Response.json({});
    default:
      return Response.json({ ...meter, ...more() });
  }
}

/** Hands a batch to the consumer; gives how long it took, and what it did not acknowledge. */
async function deliver({ bodies, sentAt }, queue) {
  let retried = 0;
  const messages = bodies.map((body, n) => ({
    id: crypto.randomUUID(),
    timestamp: new Date(sentAt),
    attempts: 1,
    body,
    ack() {},
    retry: () => void (retried += 1),
  }));
  const batch = { queue: "traffic-events", messages, ackAll() {}, retryAll: () => void (retried += messages.length) };
  const started = performance.now();
  await queue(batch);
  return { ms: performance.now() - started, retried };
}

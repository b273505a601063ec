// Stands in for consumer and object where only the gateway's own latency is measured: on the platform they run on other
// machines, here they would hold up its only thread. Keeps what it is sent, and counts it when asked.
import { DurableObject } from "cloudflare:workers";

const bodies = [];

/** A body is one event of the plan's design, or our message of many. */
const eventsIn = (body) => (typeof body === "string" ? JSON.parse(body).events.length : 1);

export class PathCollector extends DurableObject {
  /** The plan's design. */
  record(event) {
    bodies.push(event);
  }

  /** Ours: events, and a key to hash addresses with. */
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/address-key") return new Response(new Uint8Array(32));
    // What isolates tell of themselves is no event.
    if (pathname === "/record") bodies.push(await request.text());
    return Response.json({});
  }
}

export default {
  queue(batch) {
    for (const { body } of batch.messages) bodies.push(body);
  },

  fetch: () => Response.json(bodies.reduce((sum, body) => sum + eventsIn(body), 0)),
};

// What the platform may call: the gateway, its object, and the entry for Workers that report their own requests.
import { WorkerEntrypoint } from "cloudflare:workers";

import Gateway from "../build/index.js";

export * from "../build/index.js";
export default Gateway;

/** Takes batches as `POST /_collector/v1/events` does, from Workers that have this entry point as a service binding. */
export class Ingest extends WorkerEntrypoint {
  /** @param {Request} request */
  fetch(request) {
    return new Gateway(this.ctx, this.env).ingest(request, this.env, this.ctx);
  }
}

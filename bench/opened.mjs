// The built Worker, with objects whose databases the bench may open: only what extends the platform's class lets it.
import { DurableObject } from "cloudflare:workers";

import Worker, { PathCollector as BuiltPathCollector } from "../build/index.js";

export class PathCollector extends DurableObject {
  #built;

  constructor(ctx, env) {
    super(ctx, env);
    this.#built = new BuiltPathCollector(ctx, env);
  }

  fetch(request) {
    return this.#built.fetch(request);
  }

  alarm(info) {
    return this.#built.alarm(info);
  }
}

export default Worker;

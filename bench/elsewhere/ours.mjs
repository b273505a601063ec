// The built Worker with its stores elsewhere.
import Worker from "../../build/index.js";
import { elsewhere } from "./env.mjs";

export { PathCollector } from "../../build/index.js";

export default class Elsewhere extends Worker {
  constructor(ctx, env) {
    super(ctx, elsewhere(env));
  }
}

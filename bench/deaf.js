// The built gateway without signals of its requests: it never learns of a client that hangs up.
Object.defineProperty(Request.prototype, "signal", { get: () => undefined });

export * from "../build/index.js";
export { default } from "../build/index.js";

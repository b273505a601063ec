// The Worker's own defaults, from its sources.
import { readFileSync } from "node:fs";

function setting(file, pattern) {
  const [, number] = pattern.exec(readFileSync(new URL(`../${file}`, import.meta.url), "utf8")) ?? [];
  if (!number) throw new Error(`${file} has nothing like ${pattern}`);
  return Number(number.replaceAll("_", ""));
}

/** How long an isolate's buffer waits, in ms. */
export const LINGER_MS = setting("crates/flow/src/config.rs", /"LINGER_MS", ([\d_]+)/);

/** The ID window, in ms. */
export const WINDOW_MS = setting("crates/model/src/event/identity.rs", /DEFAULT_WINDOW_MS: u64 = ([\d_]+)/);

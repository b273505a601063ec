// Says whether an environment can be deployed; scripts/deploy asks before it begins.
import { environment, hasUpstream, placeholders, Refusal } from "./environment.mjs";

const [name, option, ...others] = process.argv.slice(2);

try {
  if (others.length || (option && option !== "--dry-run")) throw new Refusal("usage: make deploy ENV=…");
  const env = environment(name);
  const missing = placeholders(env);
  if (missing.length && !option) {
    throw new Refusal(`${name} has no ID yet for ${missing.join(" and ")}. First: scripts/provision ${name}`);
  }
  if (!hasUpstream(env)) {
    console.error(`deploy: warning: ${name} has no UPSTREAM_URL, no service UPSTREAM and no routes in wrangler.toml; ` +
      "unless a route was set elsewhere, every request will fail");
  }
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`deploy: ${error.message}`);
  process.exitCode = 1;
}

// One environment of wrangler.toml: the resources that it names, and whether their IDs are still placeholders.
import { fileURLToPath } from "node:url";

import { experimental_readRawConfig as readRawConfig } from "wrangler";

/** The file that all of this is about. */
export const CONFIG = fileURLToPath(new URL("../wrangler.toml", import.meta.url));

/** Ends a script with one line that says what is wrong and what to do. */
export class Refusal extends Error {}

/** Whether an ID is one that stands in wrangler.toml until scripts/provision has made the resource. */
export const isPlaceholder = (id) => /^[0-]*$/.test(id ?? "");

/**
 * The environment's own section of the file, as it stands there, with its Worker's name.
 * Throws a `Refusal` that lists the environments if there is none of that name.
 */
export function environment(name) {
  const { rawConfig } = readRawConfig({ config: CONFIG });
  const names = Object.keys(rawConfig.env ?? {});
  if (!name) throw new Refusal(`name an environment: ${names.join(" or ")}`);
  if (!names.includes(name)) {
    throw new Refusal(`there is no environment "${name}" in wrangler.toml: ${names.join(" or ")}`);
  }
  return { ...rawConfig.env[name], name: `${rawConfig.name}-${name}`, inherited: rawConfig };
}

/** Every queue that the environment sends to, reads from or buries in, each once. */
export function queues({ queues }) {
  const producers = queues.producers.map(({ queue }) => queue);
  const consumers = queues.consumers.flatMap(({ queue, dead_letter_queue: deadLetters }) => [queue, deadLetters]);
  return [...new Set([...producers, ...consumers])].filter(Boolean);
}

/** Bindings whose ID is a placeholder. */
export function placeholders(environment) {
  const stores = [
    ...environment.kv_namespaces.map(({ binding, id }) => ({ binding, id })),
    ...environment.d1_databases.map(({ binding, database_id: id }) => ({ binding, id })),
  ];
  return stores.filter(({ id }) => isPlaceholder(id)).map(({ binding }) => binding);
}

/** Whether a request would find a service behind the gateway, as far as the file tells. */
export function hasUpstream(environment) {
  const bound = environment.services?.some(({ binding }) => binding === "UPSTREAM");
  // Unlike bindings, routes are inherited.
  const { inherited } = environment;
  const routed = [environment.route, environment.routes, inherited.route, inherited.routes].flat().some(Boolean);
  return Boolean(environment.vars?.UPSTREAM_URL || bound || routed);
}

// The bindings of a gateway whose queue and object are in another process: what it sends them goes over the network, as
// it does on the platform.
import { instead } from "../instead.mjs";

const envs = new WeakMap();

/** The bindings of an isolate; `STORES` is the way to the other process. */
export function elsewhere(env) {
  if (!envs.has(env)) envs.set(env, made(env));
  return envs.get(env);
}

function made({ STORES, TRAFFIC_QUEUE, PATH_COLLECTOR, ...env }) {
  const post = async (path, body) => {
    const response = await STORES.fetch(`http://stores${path}`, { method: "POST", body });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`the stores answered ${response.status}`);
  };
  const asText = (body) => (typeof body === "string" ? body : JSON.stringify(body));
  const stub = (name) =>
    instead(PATH_COLLECTOR.getByName(name), {
      fetch: (request) => STORES.fetch(request),
      record: (event) => post("/record", JSON.stringify(event)),
    });
  return {
    ...env,
    TRAFFIC_QUEUE: instead(TRAFFIC_QUEUE, { send: (body) => post("/queue", asText(body)) }),
    PATH_COLLECTOR: instead(PATH_COLLECTOR, { getByName: stub }),
  };
}

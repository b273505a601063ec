// The requests of a run: 100 paths, a thousand clients, and a request ID that no other request has.
const RESOURCES = ["orders", "users", "carts", "items", "prices", "stock", "reviews", "search", "images", "offers"];
const VIEWS = ["list", "latest", "detail", "summary", "history", "related", "export", "status", "count", "feed"];

export const PATHS = RESOURCES.flatMap((resource) => VIEWS.map((view) => `/v1/${resource}/${view}`));

/** Request number `n` of the run `run`: its path, address and ray. Each path in turn, in a scattered order. */
export function requestOf(run, n) {
  const path = PATHS[(n * 37) % PATHS.length];
  const client = (n * 7919) % 1000;
  return { path, address: `10.0.${Math.floor(client / 250)}.${client % 250}`, ray: `${run}-${n}` };
}

/** The same as it goes over the wire. */
export function wireOf(run, n) {
  const { path, address, ray } = requestOf(run, n);
  return `GET ${path} HTTP/1.1\r\nHost: gateway\r\nCF-Connecting-IP: ${address}\r\nCF-Ray: ${ray}\r\n\r\n`;
}

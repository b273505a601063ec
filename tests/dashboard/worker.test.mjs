// The dashboard in a browser against the built Worker, with real traffic: on the object, on the queue, and on both.
import { startGateway } from "../worker/harness.mjs";
import { dashboardSuite } from "./suite.mjs";

const MINUTE_MS = 60_000;

const TEMPLATES = "/api/orders /api/orders/{id} /api/users/{id} /api/search";

dashboardSuite("the dashboard of the built Worker", async (t) => {
  const upstream = (request, response) => response.writeHead(request.url.endsWith("7") ? 503 : 200).end("ok\n");
  const gateway = await startGateway(t, { upstream, vars: { PATH_TEMPLATES: TEMPLATES, FLAG_TTL_MS: "0" } });
  const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  let sent = 0;
  const send = (path, count) =>
    Promise.all(
      Array.from({ length: count }, (_, n) =>
        gateway.request(`${path}${path.endsWith("/") ? n : ""}`, { ip: `203.0.113.${n}`, ray: `ray-${++sent}` }),
      ),
    );
  await gateway.changeFlag(0, { mode: "dual-write", samplePpm: 1_000_000 });
  for (const minutes of [40, 30, 20]) {
    await gateway.setClock(now - minutes * MINUTE_MS);
    await Promise.all([send("/api/orders", 20), send("/api/orders/", 15), send("/api/users/", 12), send("/api/search", 5)]);
    // A write that is under way when the clock is set would be taken for late, and go by the other path, too.
    await gateway.delivered({ old: sent, new: sent });
  }
  await (await gateway.env()).TRAFFIC_QUEUE.send("this is no message");
  await gateway.setClock(Date.now());
  await gateway.cron();
  const { origin } = (await gateway.server.listen()).url;
  return { url: origin, quiet: { from: now - 60 * MINUTE_MS, to: now - 10 * MINUTE_MS } };
});

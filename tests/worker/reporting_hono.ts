// A Hono application that reports its requests, as `clients/typescript` has it.
import { Hono } from "hono";

import { counters, pathCollector } from "../../clients/typescript/src/index.ts";

const app = new Hono();
app.get("/_test/counters", (c) => c.json(counters));
app.use(pathCollector());
app.get("/users/:id", (c) => c.text(c.req.param("id")));
app.post("/users", (c) => c.body(null, 201));
app.get("/throws", () => {
  throw new Error("as told");
});
app.get("/stream", (c) => c.body(new Response("streamed").body));

export default app;

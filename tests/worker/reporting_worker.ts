// A Worker that reports its own requests, as `clients/typescript` has it. `/counters` says how that went.
import { counters, withPathCollector } from "../../clients/typescript/src/index.ts";

interface Env {
  PATH_COLLECTOR?: { fetch(url: string, init?: RequestInit): Promise<Response> };
}

const application = {
  async fetch(request: Request, _env: Env, _context: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/throws") throw new Error("as told");
    return new Response(`${request.method} ${pathname}\n`, { status: pathname === "/missing" ? 404 : 200 });
  },
};
const counted = withPathCollector(application);

export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname === "/_test/counters") return Response.json(counters);
    // A batch by hand, as it is.
    if (request.headers.has("By-Hand")) return env.PATH_COLLECTOR!.fetch(request.url, request);
    return counted.fetch(request, env, context);
  },
};

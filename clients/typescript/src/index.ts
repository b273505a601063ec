/**
 * Counts the requests of your Worker with Path Collector, over a service binding to its entry point `Ingest`.
 *
 * Nothing here is waited for before your answer leaves, and nothing here throws. Without the binding nothing is counted,
 * and {@link counters} says so.
 */

import { Reporter, type ReporterOptions, type Waiting } from "./reporter.ts";

export type { Collector, Counters, ReporterOptions, Waiting } from "./reporter.ts";

/** Where the collector is bound, and how reports are sent. */
export interface Options extends ReporterOptions {
  /** Name of the service binding. `PATH_COLLECTOR` if left out. */
  binding?: string;
}

/** Status of a request whose client hung up before the answer, as nginx has it. */
const HUNG_UP = 499;

/** All reports of this isolate wait in one place, whatever reports them. */
const reporter = new Reporter();

/** What this isolate reported so far, and what it could not. */
export const counters = reporter.counters;

/**
 * Reports one request that your Worker answered.
 *
 * @param env the Worker's bindings
 * @param startedAt when the request arrived, in ms since 1970
 */
export function report(
  request: Request,
  status: number,
  startedAt: number,
  env: unknown,
  context: Waiting,
  options: Options = {},
): void {
  try {
    const collector = (env as Record<string, unknown> | undefined)?.[options.binding ?? "PATH_COLLECTOR"];
    reporter.add(observed(request, status, startedAt), collector, context, options);
  } catch {
    counters.failed += 1;
  }
}

/** A request, as the gateway itself would observe it. */
function observed(request: Request, status: number, startedAt: number) {
  const ray = request.headers.get("CF-Ray");
  const address = request.headers.get("CF-Connecting-IP");
  // A request without `cf` came from another Worker: its ray is that of the request which that one serves.
  const isOwn = "cf" in request && typeof request.cf === "object" && request.cf !== null;
  return {
    key: (isOwn && ray) || crypto.randomUUID(),
    method: request.method,
    path: new URL(request.url).pathname,
    status,
    startedAt,
    responseTime: Math.max(0, Date.now() - startedAt),
    ...(address && { clientAddress: address }),
  };
}

/** The part of a Worker that answers requests. */
type Handler<Env, Context> = {
  fetch(request: Request, env: Env, context: Context): Response | Promise<Response>;
};

/**
 * Your Worker, with each request reported: `export default withPathCollector({ async fetch(request, env, ctx) { … } })`.
 * What else the Worker handles stays as it is.
 */
export function withPathCollector<Env, Context extends Waiting, Worker extends Handler<Env, Context>>(
  worker: Worker & Handler<Env, Context>,
  options: Options = {},
): Worker {
  const fetch = async (request: Request, env: Env, context: Context): Promise<Response> => {
    const startedAt = Date.now();
    let isReported = false;
    const end = (status: number) => {
      if (isReported) return;
      isReported = true;
      report(request, status, startedAt, env, context, options);
    };
    request.signal?.addEventListener("abort", () => end(HUNG_UP));
    try {
      const response = await worker.fetch(request, env, context);
      end(response.status);
      return response;
    } catch (error) {
      // The platform answers 500 in its place.
      end(500);
      throw error;
    }
  };
  return { ...worker, fetch };
}

/** What the middleware needs of Hono's context. */
interface HonoContext {
  req: { raw: Request };
  res: Response;
  env: unknown;
  readonly executionCtx: Waiting;
}

/** A middleware for Hono: `app.use(pathCollector())`, before all others. */
export function pathCollector(options: Options = {}) {
  return async (context: HonoContext, next: () => Promise<void>): Promise<void> => {
    const startedAt = Date.now();
    await next();
    try {
      report(context.req.raw, context.res.status, startedAt, context.env, context.executionCtx, options);
    } catch {
      // Outside of a Worker there is no `executionCtx`.
      counters.failed += 1;
    }
  };
}

// The built Worker with bindings that fail on command: what `harness.mjs` starts in its stead.
//
// `PUT /_test/faults` with a JSON object from bindings to faults sets all of them; what is not named works. A fault is
// - `fails`: throws, and nothing was done;
// - `fails-after-persisting`: does it, then throws (of the database: writes; reads work);
// - `hangs`: never answers, and nothing was done;
// Of several objects one is named as `PATH_COLLECTOR/default-1`.
// `INGEST` is the entry point of Workers that report their requests.
// - `past` (ALARM only): an object is told that its alarm is set for ten minutes ago, until it sets one;
// - `garbage`, `missing` (FLAGS only): what is read is not JSON, or not there;
// - `refuses` (FLAGS only): reads work, and every write is answered 429, as KV does once the day's are used up;
// - `once-a-second` (FLAGS only): a second write of a key within a second is answered 429, as KV does;
// - `frozen` (FLAGS only): writes work, and reads show what was there when the fault began;
// - `refuses-writes` (DB only): reads work, all else throws;
// - `full` (DB only): refuses to add or change anything, as the platform does at 10 GB; reads and deletes;
// - `refuses-large` (DB only): refuses values of more than 6,000 bytes as the platform does those of more than 2 MB.
//
// `PUT /_test/broker` puts a model of the queues (`broker.mjs`) in the place of the runtime's, whose timers keep the real
// time, and freezes the clock at its time; `POST` with `{"until": ms}` delivers what is due until then, with
// `{"send": body}` sends a message; both answer with what happened so far.
//
// `PUT /_test/clock` with `{"offsetMs": N}` moves `Date.now`, by which the Worker and its objects tell the time, and with
// `{"frozenMs": N}` it stands still there; timers and alarms keep the real one. `POST /_test/alarm` to an object rings its alarm.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

import Worker, { Ingest as BuiltIngest, PathCollector as BuiltPathCollector } from "../../src/entrypoints.mjs";
import { Broker } from "./broker.mjs";

let faults = {};

/** Longest value that `refuses-large` takes, in bytes. */
const LARGE_BYTES = 6_000;

/** The model of the queues, if a test wants it. */
let broker = null;

const realNow = Date.now.bind(Date);
let clock = { offsetMs: 0 };
Date.now = () => clock.frozenMs ?? realNow() + clock.offsetMs;

/** The built object, without faults. Only what extends the platform's class lets a test look into its storage. */
export class PathCollector extends DurableObject {
  #built;

  constructor(ctx, env) {
    super(ctx, env);
    this.#built = new BuiltPathCollector(withAlarm(ctx), env);
  }

  async fetch(request) {
    if (new URL(request.url).pathname !== "/_test/alarm") return this.#built.fetch(request);
    await this.#built.alarm();
    return new Response(null, { status: 204 });
  }

  alarm(info) {
    return this.#built.alarm(info);
  }
}

/** An object's context whose alarm may be lost. */
function withAlarm(ctx) {
  const { storage } = ctx;
  let isSet = false;
  const setAlarm = (...args) => {
    isSet = true;
    return storage.setAlarm(...args);
  };
  const isLost = () => faults.ALARM === "past" && !isSet;
  const getAlarm = async (...args) => (isLost() ? Date.now() - 600_000 : storage.getAlarm(...args));
  return instead(ctx, { storage: instead(storage, { getAlarm, setAlarm }) });
}

export default class Faulty extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/_test/faults") {
      faults = await request.json();
      if (faults.FLAGS === "frozen") {
        for (const key of ["collector", "stop"]) if (!frozen.has(key)) frozen.set(key, await this.env.FLAGS.get(key));
      } else {
        frozen.clear();
      }
      return new Response(null, { status: 204 });
    }
    if (pathname === "/_test/clock") {
      clock = await request.json();
      return new Response(null, { status: 204 });
    }
    if (pathname === "/_test/broker") return Response.json(await this.#broker(request));
    return this.#worker().fetch(request);
  }

  async #broker(request) {
    const setNow = (ms) => { clock = { frozenMs: ms }; };
    const { now, retentionMs, until, send } = await request.json();
    if (request.method === "PUT") {
      setNow(now);
      broker = new Broker(() => Date.now(), { retentionMs });
    }
    if (send !== undefined) broker.send(send);
    if (until !== undefined) await broker.run(until, setNow, (batch) => this.#worker().queue(batch));
    return broker.state();
  }

  queue(batch) {
    return this.#worker().queue(batch);
  }

  scheduled(event) {
    return this.#worker().scheduled(event);
  }

  #worker() {
    return new Worker(this.ctx, withFaults(this.env));
  }
}

export class Ingest extends WorkerEntrypoint {
  fetch(request) {
    return faulty("INGEST", () => new BuiltIngest(this.ctx, withFaults(this.env)).fetch(request))();
  }
}

function withFaults(original) {
  const { TRAFFIC_QUEUE, PATH_COLLECTOR, DB, FLAGS, UPSTREAM, ARCHIVE } = original;
  const send = (...args) => (broker ? broker.send(...args) : TRAFFIC_QUEUE.send(...args));
  const env = {
    ...original,
    TRAFFIC_QUEUE: instead(TRAFFIC_QUEUE, { send: faulty("TRAFFIC_QUEUE", send) }),
    PATH_COLLECTOR: instead(PATH_COLLECTOR, { getByName: (name) => object(name, PATH_COLLECTOR.getByName(name)) }),
    DB: instead(DB, { batch: (statements) => batch(DB, statements) }),
    FLAGS: instead(FLAGS, {
      get: (...args) => flag(FLAGS, args),
      put: (...args) => writeFlag(FLAGS, "put", args),
      delete: (...args) => writeFlag(FLAGS, "delete", args),
      list: faulty("FLAGS", (...args) => FLAGS.list(...args)),
    }),
  };
  if (ARCHIVE) env.ARCHIVE = instead(ARCHIVE, { put: faulty("ARCHIVE", (...args) => ARCHIVE.put(...args)) });
  if (UPSTREAM) env.UPSTREAM = instead(UPSTREAM, { fetch: faulty("UPSTREAM", (request) => UPSTREAM.fetch(request)) });
  return env;
}

/** `binding` with some methods replaced. Native methods insist on their own `this`. */
function instead(binding, methods) {
  return new Proxy(binding, {
    get(target, name) {
      const value = Object.hasOwn(methods, name) ? methods[name] : target[name];
      // The Worker tells bindings apart by the name of their constructor.
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}

/** `act` under the fault that `name` has at the time of the call. */
function faulty(name, act) {
  return async (...args) => {
    switch (faults[name]) {
      case "fails":
        throw new Error(`${name} was made to fail`);
      case "fails-after-persisting":
        await act(...args);
        throw new Error(`${name} was made to fail after persisting`);
      case "hangs":
        return new Promise(() => {});
      default:
        return act(...args);
    }
  };
}

function object(name, stub) {
  const fetch = (...args) => stub.fetch(...args);
  const one = `PATH_COLLECTOR/${name}`;
  return instead(stub, { fetch: (...args) => faulty(faults[one] ? one : "PATH_COLLECTOR", fetch)(...args) });
}

async function batch(database, statements) {
  const act = () => database.batch(statements);
  const reads = statements.every(({ statement }) => statement.trim().startsWith("SELECT"));
  if (faults.DB === "refuses-writes") {
    if (reads) return database.batch(statements);
    throw new Error("D1_ERROR: D1 was made to refuse writes");
  }
  if (faults.DB === "full" && statements.some(({ statement }) => /^\s*(INSERT|UPDATE)/.test(statement))) {
    throw new Error("D1_ERROR: database or disk is full: SQLITE_FULL");
  }
  const large = (value) => typeof value === "string" && value.length > LARGE_BYTES;
  if (faults.DB === "refuses-large" && statements.some(({ params }) => params.some(large))) {
    throw new Error("D1_ERROR: string or blob too big: SQLITE_TOOBIG");
  }
  return reads && faults.DB === "fails-after-persisting" ? act() : faulty("DB", act)();
}

/** What reads of FLAGS show while they are frozen, by key. */
const frozen = new Map();

/** When each key of FLAGS was last written, in ms. */
const written = new Map();

async function writeFlag(namespace, method, [key, ...rest]) {
  const now = realNow();
  const tooSoon = faults.FLAGS === "once-a-second" && now - (written.get(key) ?? 0) < 1_000;
  if (tooSoon || faults.FLAGS === "refuses") throw new Error("KV PUT failed: 429 Too Many Requests");
  written.set(key, now);
  return faulty("FLAGS", () => namespace[method](key, ...rest))();
}

async function flag(namespace, args) {
  if (frozen.has(args[0])) return frozen.get(args[0]);
  if (faults.FLAGS === "missing") return null;
  if (faults.FLAGS === "garbage") return "{ this is not a flag";
  return faulty("FLAGS", () => namespace.get(...args))();
}

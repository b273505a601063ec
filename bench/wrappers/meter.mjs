// Counts what the platform would bill, by wrapping the bindings of a Worker that runs in the real runtime.
//
// Rows are those that the databases themselves report. Worker and object share an isolate here, and so one meter.
import prices from "../prices.json" with { type: "json" };
import { queueUnits } from "../pricing.mjs";

const COUNTED = [...Object.keys(prices.perMillion), "queueMessages", "queueBytes"];

export const meter = Object.fromEntries(COUNTED.map((name) => [name, 0]));

/** `target` with some properties replaced. Native methods insist on their own `this`. */
function instead(target, replaced) {
  return new Proxy(target, {
    get(_, name) {
      const value = Object.hasOwn(replaced, name) ? replaced[name] : target[name];
      // Bindings are told apart by the name of their constructor.
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}

/** How long the queue took to accept each message, in ms. */
export const sendTimes = [];

const encoder = new TextEncoder();

/** Bytes of a message as the queue takes it. */
const bytesOf = (body) => encoder.encode(typeof body === "string" ? body : JSON.stringify(body)).byteLength;

/** What a batch costs to take from a queue: each message is read; acknowledged it is deleted, else read again. */
export function countDelivery(batch) {
  for (const { body } of batch.messages) meter.queueOperations += 2 * queueUnits(bytesOf(body));
}

/** A method that also counts. */
function counted(what, target, name) {
  return (...args) => {
    meter[what] += 1;
    return target[name](...args);
  };
}

/** The bindings, metered. */
export function meteredEnv(env) {
  const { FLAGS, TRAFFIC_QUEUE, PATH_COLLECTOR, DB } = env;
  return {
    ...env,
    FLAGS: instead(FLAGS, {
      get: counted("kvReads", FLAGS, "get"),
      put: counted("kvWrites", FLAGS, "put"),
    }),
    TRAFFIC_QUEUE: instead(TRAFFIC_QUEUE, {
      send: async (body, options) => {
        meter.queueMessages += 1;
        meter.queueBytes += bytesOf(body);
        meter.queueOperations += queueUnits(bytesOf(body));
        const began = performance.now();
        await TRAFFIC_QUEUE.send(body, options);
        sendTimes.push(performance.now() - began);
      },
      sendBatch: () => {
        throw new Error("the meter knows no sendBatch yet: count its messages here");
      },
    }),
    PATH_COLLECTOR: instead(PATH_COLLECTOR, { getByName: (name) => meteredStub(PATH_COLLECTOR.getByName(name)) }),
    DB: instead(DB, { batch: async (statements) => readD1(await DB.batch(statements)) }),
  };
}

/** Each call of an object is a request, over `fetch` or by RPC. */
function meteredStub(stub) {
  const methods = ["fetch", "record", "requests"];
  return instead(stub, Object.fromEntries(methods.map((name) => [name, counted("objectRequests", stub, name)])));
}

function readD1(results) {
  for (const { meta } of results) {
    meter.d1RowsRead += meta.rows_read;
    meter.d1RowsWritten += meta.rows_written;
  }
  return results;
}

/**
 * Meters an object's storage: rows of each statement, and an alarm is a row. Gives a function to call when what was
 * asked of the object is done, for only then a statement knows its rows; whether they are counted is for it to say.
 */
export function meterStorage({ storage }) {
  const { sql } = storage;
  const cursors = [];
  const exec = (...args) => {
    const cursor = sql.exec(...args);
    cursors.push(cursor);
    return cursor;
  };
  const original = { setAlarm: storage.setAlarm.bind(storage) };
  // In place: the platform's class takes none but the platform's own state.
  Object.defineProperties(storage, {
    sql: { value: instead(sql, { exec }) },
    setAlarm: { value: counted("objectRowsWritten", original, "setAlarm") },
  });
  return (counted) => {
    for (const cursor of cursors.splice(0)) {
      if (!counted) continue;
      meter.objectRowsRead += cursor.rowsRead;
      meter.objectRowsWritten += cursor.rowsWritten;
    }
  };
}

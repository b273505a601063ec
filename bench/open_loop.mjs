// Latency: requests leave by a fixed schedule, and the time of each counts from when it was due. A gateway that stalls
// is charged for all that had to wait (no coordinated omission).
import { Pool } from "./pool.mjs";
import { wireOf } from "./requests.mjs";
import { dueBy, dueMs } from "./schedule.mjs";
import { summarize } from "./statistics.mjs";

/** Most connections that are opened; more requests than that wait, and their waiting counts. */
const MAX_CONNECTIONS = 256;

/** Opened before the first request is due, so that only a gateway that is slow costs new ones. */
const FIRST_CONNECTIONS = 32;

/**
 * Sends `perSecond` requests for `warmUpS` and then for `seconds`, which alone are measured. Gives what was sent, and
 * the latencies in ms.
 */
export async function openLoop({ url, run, perSecond, warmUpS = 0, seconds }) {
  const total = Math.round(perSecond * (warmUpS + seconds));
  const firstMeasured = Math.round(perSecond * warmUpS);
  const latencies = new Float64Array(total);
  let [sent, answered, failed] = [0, 0, 0];
  let [settle, fail] = [null, null];
  const settled = new Promise((resolve, reject) => ([settle, fail] = [resolve, reject]));
  const pool = new Pool(url, MAX_CONNECTIONS, fail);
  await Promise.all(Array.from({ length: FIRST_CONNECTIONS }, () => pool.open()));
  const started = performance.now() + 10;

  const send = (n, connection) =>
    connection.send(wireOf(run, n), (status) => {
      latencies[n] = performance.now() - started - dueMs(n, perSecond);
      if (status !== 200) failed += 1;
      pool.give(connection);
      answered += 1;
      if (answered === total) settle();
      else dispatch();
    });
  const dispatch = () => {
    const due = dueBy(performance.now() - started, perSecond, total);
    for (let connection; sent < due && (connection = pool.take()); ) send(sent++, connection);
    if (sent < due) pool.open().catch(fail);
  };
  // Timers are too coarse: between requests it looks for answers, and at the clock.
  const turn = () => {
    if (answered === total) return;
    dispatch();
    setImmediate(turn);
  };
  turn();
  await settled;
  const took = (performance.now() - started) / 1_000;
  const connections = pool.size;
  pool.close();
  return { sent, failed, seconds: took, connections, latency: summarize(latencies.slice(firstMeasured)) };
}

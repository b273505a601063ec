// Latency: requests leave by a fixed schedule, and the time of each counts from when it was due. A gateway that stalls
// is charged for all that had to wait (no coordinated omission).
import { Connection } from "./connection.mjs";
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
  let [sent, answered, failed, opening] = [0, 0, 0, 0];
  const idle = [];
  const all = [];
  let [settle, fail] = [null, null];
  const settled = new Promise((resolve, reject) => ([settle, fail] = [resolve, reject]));
  const open = async () => {
    opening += 1;
    const connection = await Connection.open(new URL(url), fail);
    all.push(connection);
    idle.push(connection);
  };
  await Promise.all(Array.from({ length: FIRST_CONNECTIONS }, open));
  const started = performance.now() + 10;

  const dispatch = () => {
    const due = dueBy(performance.now() - started, perSecond, total);
    while (sent < due && idle.length > 0) {
      const [n, connection] = [sent++, idle.pop()];
      connection.send(wireOf(run, n), (status) => {
        latencies[n] = performance.now() - started - dueMs(n, perSecond);
        if (status !== 200) failed += 1;
        idle.push(connection);
        answered += 1;
        if (answered === total) settle();
        else dispatch();
      });
    }
    if (sent < due && opening < MAX_CONNECTIONS) open().catch(fail);
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
  for (const connection of all) connection.close();
  const latency = summarize(latencies.slice(firstMeasured));
  return { sent, failed, seconds: took, connections: all.length, latency };
}

// Throughput: so many connections, each sending its next request as soon as the last is answered.
import { Connection } from "./connection.mjs";
import { wireOf } from "./requests.mjs";

/**
 * Loads `url` for `warmUpS` and then for `seconds`, which alone are measured; with `requests`, until as many are sent.
 * Gives what was sent in all, and the rate measured.
 */
export async function closedLoop({ url, run, connections, warmUpS = 0, seconds = Infinity, requests = Infinity }) {
  const started = performance.now();
  const [measureFrom, end] = [started + warmUpS * 1_000, started + (warmUpS + seconds) * 1_000];
  let [sent, measured, failed, lastAt] = [0, 0, 0, started];
  const opened = [];
  const worker = async () => {
    let fail;
    const broken = new Promise((_, reject) => (fail = reject));
    const connection = await Connection.open(new URL(url), fail);
    opened.push(connection);
    const finished = new Promise((resolve) => {
      const next = () => {
        if (sent >= requests || performance.now() >= end) return resolve();
        connection.send(wireOf(run, sent++), (status) => {
          lastAt = performance.now();
          if (lastAt >= measureFrom && lastAt < end) measured += 1;
          if (status !== 200) failed += 1;
          next();
        });
      };
      next();
    });
    await Promise.race([finished, broken]);
  };
  await Promise.all(Array.from({ length: connections }, worker));
  for (const connection of opened) connection.close();
  const measuredS = (Math.min(lastAt, end) - measureFrom) / 1_000;
  return { sent, failed, perSecond: measured / measuredS };
}

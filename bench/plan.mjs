// How long and how often: the definitive measurement, and a short one for development.
//
// The load runs for longer than a batch of the queue waits before anything is measured, so that what is measured
// includes the work of the consumer, and not only that of the gateway. Latency is measured at a rate that all keep up
// with, also on a slow machine.
const DEFINITIVE = {
  rounds: 3,
  closed: { connections: 32, warmUpS: 6, seconds: 10 },
  open: { perSecond: 200, warmUpS: 6, seconds: 20 },
  batchTimeoutS: 5,
  patienceMs: 30_000,
  cost: { perSecond: 1_000, seconds: 60 },
  consumerRounds: 30,
  memory: { warmUp: 100_000, requests: 200_000, perSecond: 1_500 },
};

const QUICK = {
  ...DEFINITIVE,
  rounds: 1,
  closed: { connections: 32, warmUpS: 1.5, seconds: 2.5 },
  open: { perSecond: 200, warmUpS: 1, seconds: 3 },
  batchTimeoutS: 1,
  cost: { perSecond: 1_000, seconds: 3 },
  consumerRounds: 8,
  memory: null,
};

/** The plan for these arguments: none, or `--quick`. */
export function planOf(args) {
  if (args.some((arg) => arg !== "--quick")) throw new Error(`${args.join(" ")}: give --quick, or nothing`);
  return args.length ? QUICK : DEFINITIVE;
}

/** A plan in words. */
export const inWords = ({ rounds, closed, open }) =>
  `Medians of ${rounds} round${rounds > 1 ? "s" : ""}. In each, each variant has ${closed.seconds} s of closed loop ` +
  `over ${closed.connections} connections, after ${closed.warmUpS} s that are not measured; then ${open.seconds} s of ` +
  `open loop at ${open.perSecond} requests/s, after ${open.warmUpS} s.`;

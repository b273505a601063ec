// How long and how often: the definitive measurement, and a short one for development.
//
// The load runs for longer than a batch of the queue waits before anything is measured, so that what is measured
// includes the work of the consumer, and not only that of the gateway. Latency is measured for so long that several of
// the runtime's great collections of garbage, one every 5 to 15 s, are in it; where there are none, after so long that
// what runs often has been compiled.
const DEFINITIVE = {
  rounds: 3,
  closed: { warmUpS: 6, seconds: 10 },
  open: { warmUpS: 3, seconds: 20 },
  behind: { warmUpS: 3, seconds: 10 },
  uncollected: { warmUpS: 10, seconds: 15 },
  connections: 32,
  batchTimeoutS: 5,
  patienceMs: 30_000,
  cost: { perSecond: 1_000, seconds: 60 },
  streamMinutes: 10,
  consumerRounds: 30,
  memory: { warmUp: 100_000, requests: 200_000, perSecond: 1_500 },
};

const QUICK = {
  ...DEFINITIVE,
  rounds: 1,
  closed: { warmUpS: 1.5, seconds: 2.5 },
  open: { warmUpS: 0.5, seconds: 2 },
  behind: { warmUpS: 0.5, seconds: 2 },
  uncollected: { warmUpS: 1, seconds: 2 },
  batchTimeoutS: 1,
  cost: { perSecond: 1_000, seconds: 3 },
  streamMinutes: 1,
  consumerRounds: 8,
  memory: null,
};

/** The plan for these arguments: `--quick`, `--rounds=N`. */
export function planOf(args) {
  const plan = args.includes("--quick") ? { ...QUICK } : { ...DEFINITIVE };
  for (const arg of args.filter((arg) => arg !== "--quick")) {
    const rounds = /^--rounds=([1-9]\d?)$/.exec(arg);
    if (!rounds) throw new Error(`${arg}: give --quick, --rounds=N (1 to 99), or nothing`);
    plan.rounds = Number(rounds[1]);
  }
  return plan;
}

/** A plan in words. */
export const inWords = ({ rounds, closed, open, behind, uncollected, connections }) =>
  `Medians of ${rounds} round${rounds > 1 ? "s" : ""}. In each, each variant has ${closed.seconds} s of closed loop ` +
  `over ${connections} connections, after ${closed.warmUpS} s that are not measured; then twice ${open.seconds} s of ` +
  `open loop at half of floor_rust's throughput, after ${open.warmUpS} s, or once ${behind.seconds} s where it can't ` +
  `keep up; and ${uncollected.seconds} s after ${uncollected.warmUpS} s where no garbage is collected.`;

// The figures as tables of docs/performance.md, each between two marks that are there to stay.
import { median } from "./statistics.mjs";

const shown = (value) => {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null || value === undefined) return "";
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
};

const row = (cells) => `| ${cells.join(" | ")} |`;

const tableOf = (head, rows) => [row(head), row(head.map((_, n) => (n ? "--:" : "---"))), ...rows.map(row)].join("\n");

function variantRow(name, rounds, costs) {
  const { usd, rowsWritten, queueOperations, queueBytes } = costs ?? {};
  const over = (figure) => shown(median(rounds.map(figure)));
  const latency = ["p50", "p99"].map((p) => over(({ open }) => open.latency[p])).join(" / ");
  const cost = [usd, rowsWritten, queueOperations, queueBytes && queueBytes / 1e6].map(shown);
  return [`\`${name}\``, over(({ closed }) => closed.perSecond), over(({ closed }) => closed.cpuUs), latency, ...cost];
}

/** Markdown of what was found. */
export function markdown({ about, measured, costs, targets, startMs }) {
  const perMillion = ["USD", "rows written", "queue operations", "queue MB"].map((what) => `${what} per million`);
  const head = ["variant", "requests/s", "CPU, µs", "p50 / p99, ms", ...perMillion];
  const starts = Object.entries(startMs).map(([name, ms]) => `${shown(ms)} ms of \`${name}\``);
  return [
    about,
    tableOf(head, Object.entries(measured).map(([name, rounds]) => variantRow(name, rounds, costs[name]))),
    tableOf(
      ["held to", "measured", "limit", "met"],
      targets.map(({ what, figure, limit, met }) => [what, shown(figure), limit, shown(met)]),
    ),
    `First answer of a new isolate: ${starts.join(", ")}.`,
  ].join("\n\n");
}

/** `page` with what stands between the marks of this name replaced. */
export function replaced(page, text, name) {
  const [BEGIN, END] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no ${BEGIN} … ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}

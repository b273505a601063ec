// The figures as a page's table, between two marks that are there to stay.

const shown = (value) => {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null || value === undefined) return "";
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
};

/** Requests that the plan's design took for others; they are excused where they really have one ID. */
const mergedInWords = (merged) =>
  `Of the plan's design, ${merged} event${merged > 1 ? "s" : ""} had the 32-bit ID of another request, and ` +
  `${merged > 1 ? "were" : "was"} not counted by it.`;

const row = (cells) => `| ${cells.join(" | ")} |`;

const tableOf = (head, rows) => [row(head), row(head.map((_, n) => (n ? "--:" : "---"))), ...rows.map(row)].join("\n");

/** Markdown of a report, its details and targets. */
export function markdown({ report, details, targets }) {
  const { machine, date, command, plan, quiet } = details;
  const variants = Object.keys(report.throughput).map((name) => [
    `\`${name}\``,
    shown(report.throughput[name]),
    shown(details.cpuUs[name]),
    ...[report.latency_ms, details.gatewayLatency, details.uncollectedLatency].map(({ [name]: latency }) =>
      latency ? `${shown(latency.p50)} / ${shown(latency.p99)}` : "",
    ),
    ...["cost_usd_per_million", "rows_written_per_million", "queue_ops_per_million"].map((f) => shown(report[f][name])),
  ]);
  const latencies = ["p50 / p99, ms", "stores elsewhere", "no garbage collected"];
  const head = ["variant", "requests/s", "CPU, µs", ...latencies, "USD per million"];
  const micro = Object.entries(details.micro ?? {}).map(([name, ns]) => [`\`${name}\``, shown(ns / 1_000)]);
  return [
    `Measured on ${date} with \`${command}\`: ${machine}. ${plan} ${quiet}`,
    tableOf([...head, "rows written per million", "queue operations per million"], variants),
    tableOf(
      ["held to", "measured", "limit", "met"],
      targets.map(({ what, figure, limit, met }) => [what, shown(figure), limit, shown(met)]),
    ),
    ...(details.merged ? [mergedInWords(details.merged)] : []),
    ...(micro.length ? [tableOf(["native, one core", "µs"], micro)] : []),
  ].join("\n\n");
}

/** `page` with what stands between the marks of this name replaced. */
export function replaced(page, text, name = "bench") {
  const [BEGIN, END] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no ${BEGIN} … ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}

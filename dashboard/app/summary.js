// What is going on, in words: which path counts, whether both agree, whether anything is wrong. Each part leads to its
// view.
import { h } from "./element.js";
import { ppmText, shareText } from "./figure.js";
import { prose, sentence } from "./parts.js";
import { towards } from "./place.js";
import { sharesOf } from "./shares.js";
import { timeText } from "./time.js";

const MILLION = 1_000_000;

/** One sentence and its tone. */
function modeIn(flag) {
  if (flag.stop) return ["warn", `Stopped by ${flag.stop.by}: every request is counted on the old path until a release.`];
  if (flag.mode === "do-only") return ["quiet", "Every request is counted on the old path."];
  if (flag.mode === "queue-only") return ["good", "Every request is counted on the new path."];
  const { both, queue, object } = sharesOf(flag);
  if (both === MILLION) return ["good", "Every request is counted on both paths."];
  const parts = [
    [both, "both paths"],
    [queue, "the new one alone"],
    [object, "the old one alone"],
  ]
    .filter(([ppm]) => ppm)
    .map(([ppm, way]) => `${ppmText(ppm)} on ${way}`);
  return ["good", `${parts.join(", ")}.`];
}

function parityIn(reports) {
  const closed = reports.find(({ verdict }) => verdict !== "pending");
  if (!closed) return ["quiet", "The paths were not compared yet."];
  const hour = `The hour from ${timeText(closed.window.from, "minute")}`;
  const { verdict, upperBound, lowerBound, rate, union } = closed;
  if (verdict === "pass") return ["good", `${hour} agrees: under ${shareText(upperBound)} differs.`];
  if (verdict === "fail") {
    const size = lowerBound > 0 ? `at least ${shareText(lowerBound)}` : shareText(rate);
    return ["bad", `${hour} disagrees: ${size} differs.`];
  }
  return union
    ? ["warn", `${hour} had too few events to judge.`]
    : ["quiet", "No recent request was meant for both paths."];
}

function healthIn(health) {
  const [first, ...others] = health.reasons ?? [];
  if (health.status === "ok") return ["good", "Nothing is lost or stuck."];
  const more = others.length ? ` And ${others.length} more.` : "";
  return [
    health.status === "failing" ? "bad" : "warn",
    `${sentence(first?.message ?? `It is ${health.status}`)}${more}`,
  ];
}

/** The line. */
export function summary({ flag, parity, health, place }) {
  const part = (name, view, read, say) => {
    let [tone, text] = ["quiet", ""];
    if (read.data) [tone, text] = say(read.data);
    else if (read.error) [tone, text] = ["warn", "This can’t be read now."];
    return h(
      "a",
      { class: `say ${tone}`, href: towards(place, { view }), "data-key": name },
      h("span", { class: "what" }, h("i", { "aria-hidden": "true" }), name),
      h("span", { class: "words" }, text ? prose(text) : h("span", { class: "bone" })),
    );
  };
  return h(
    "nav",
    { class: "summary", "aria-label": "What is going on" },
    part("Rollout", "rollout", flag, modeIn),
    part("Parity", "parity", parity, ({ reports }) => parityIn(reports)),
    part("Pipeline", "pipeline", health, healthIn),
  );
}

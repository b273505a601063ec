// Why health is not well: since when, what to do, by which command, and where the docs tell more.
import { command, pathctl, word } from "./command.js";
import { h } from "./element.js";
import { badge, prose, sentence } from "./parts.js";
import { ago } from "./time.js";

const TONES = { ok: "good", degraded: "warn", failing: "bad" };
const HEADLINES = {
  ok: "Nothing is lost or stuck",
  degraded: "Something needs a look",
  failing: "Something is failing",
};

const LETTERS = () => pathctl("dead-letters list");
const REPORT = () => pathctl("parity report");
/** The Worker's log, as it is written. */
const log = (text) => () => `npx wrangler tail --env ${document.body.dataset.environment || "ENV"} --search ${word(text)}`;

/** What one runs first, by code. */
const FIRST = {
  "old-store-unreadable": log("PathCollector"),
  "old-store-refuses-writes": log("PathCollector"),
  "messages-stuck": log("is retried"),
  "messages-retried": log("is retried"),
  fallback: log("Fallback"),
  "events-lost": log("event lost"),
  "events-lost-earlier": log("event lost"),
  "queue-stuck": log("is retried"),
  backlog: () => pathctl("readiness"),
  "dead-letters": LETTERS,
  "parity-failed": REPORT,
  "lost-on-both-paths": REPORT,
  stopped: () => pathctl("flag status"),
  "flag-unreadable": log("Flag not adopted"),
  "cron-failed": log("Scheduled job"),
  "archive-late": log("Scheduled job archive"),
};

/** What a code says, of each thing that it is about, and what to do. */
function reason(code, list) {
  const first = FIRST[code];
  return h(
    "li",
    { "data-key": code },
    list.map(({ message, since }) => h("p", null, prose(sentence(message)), since ? [" Since ", ago(since), "."] : "")),
    h("p", { class: "remedy" }, prose(sentence(list[0].remedy))),
    first ? command(first()) : null,
    h("p", { class: "source" }, h("code", null, code), " in docs/operations.md, Alerts"),
  );
}

/** Health in a word, with its reasons. */
export function healthState({ status, reasons, computedAt }) {
  const codes = [...new Set(reasons.map(({ code }) => code))];
  const ofCode = (code) => (one) => one.code === code;
  return [
    h("p", { class: "headline" }, badge(TONES[status] ?? "quiet", HEADLINES[status] ?? status)),
    reasons.length ? h("ul", { class: "reasons" }, codes.map((code) => reason(code, reasons.filter(ofCode(code))))) : null,
    computedAt ? h("p", { class: "hint" }, "Looked at ", ago(computedAt), ".") : null,
  ];
}

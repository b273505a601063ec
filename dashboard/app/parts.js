// The pieces that every view is made of: cards, notices, and what stands where figures are still missing.
import { h, hidden } from "./element.js";

/** A card with a heading, and something beside it. */
export function card(title, beside, ...children) {
  return h(
    "section",
    { class: "card", "data-key": title, "aria-label": title },
    h("div", { class: "head" }, h("h2", null, title), beside),
    children,
  );
}

/** Grey shapes of what is being read. */
export function skeleton(kind, lines = 3) {
  const bars =
    kind === "plot"
      ? h("div", { class: "bone plot-size" })
      : Array.from({ length: lines }, () => h("div", { class: "bone" }));
  return h("div", { class: "bones" }, hidden("Reading…"), bars);
}

/** What could not be read. Why stands above the page for all; here only what is about these figures alone. */
export function failed(error) {
  const isOwn = error.status === 400 || error.status === 404;
  return h(
    "div",
    { class: "failed" },
    h("p", null, h("b", null, isOwn ? sentence(error.title) : "Not readable now.")),
    h("p", { class: "hint" }, prose(sentence(error.detail)), isOwn ? null : " It is tried again by itself."),
  );
}

/** A message as a sentence. */
export function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return !begun || /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Text in which `names` stand in backticks. */
export function prose(text) {
  return text.split("`").map((part, n) => (n % 2 ? h("code", null, part) : part));
}

/** How to go on where access ended. */
export function signIn(error) {
  return [
    error.status === 403 ? `${sentence(error.detail)} ` : "Your session has ended. ",
    h("a", { href: "login" }, "Sign in"),
    ".",
  ];
}

/** Figures of a read: skeleton, error or `draw(data)`; dimmed while newer ones are on their way. */
export function reading(read, draw, lines) {
  if (!read.data) return read.error ? failed(read.error) : skeleton("lines", lines);
  return h(
    "div",
    { class: read.old ? "dim" : null, "aria-busy": read.old ? "true" : null },
    safely(() => draw(read.data)),
  );
}

/** What `draw` gives; where an answer isn't as it was agreed, that is said, and the rest of the page stands. */
export function safely(draw) {
  try {
    return draw();
  } catch (error) {
    console.error(error);
    return h(
      "p",
      { class: "failed" },
      h("b", null, "This can’t be shown."),
      " The gateway’s answer is not as these pages know it. If it was just deployed, reload.",
    );
  }
}

/** A state in a word, with its colour and a shape for those who don't see it. */
const TONES = { good: "●", bad: "■", warn: "▲", quiet: "○" };
export function badge(tone, ...text) {
  return h("span", { class: `badge ${tone}` }, h("i", { "aria-hidden": "true" }, TONES[tone]), h("span", null, text));
}

/** Names and what belongs to them. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.filter(Boolean).map(([name, ...value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
  );
}

/**
 * A table; a column named "#…" holds figures. Where the page is narrow it scrolls by itself, or with the class "stacks"
 * shows each row as a list of names and values. Its roles are explicit because they would go with its layout.
 */
export function table(label, columns, rows, cls = "") {
  const names = columns.map((name) => name.replace("#", ""));
  const figureClass = (n) => (columns[n]?.startsWith("#") ? "num" : null);
  const head = names.map((name, n) => h("th", { scope: "col", role: "columnheader", class: figureClass(n) }, name));
  const body = rows.map((cells) =>
    h(
      "tr",
      { role: "row" },
      cells.map((cell, n) => h("td", { role: "cell", class: figureClass(n), "data-label": names[n] }, cell)),
    ),
  );
  const stacks = cls.includes("stacks") ? " stacks" : "";
  return h(
    "div",
    { class: `scroll${stacks}`, tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      { class: `list ${cls}`, role: "table", "aria-label": label },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
      h("tbody", { role: "rowgroup" }, body),
    ),
  );
}

/** A path that may break before its slashes. */
export function breakable(path) {
  return path.split(/(?<=.)(?=\/)/).flatMap((part, n) => (n ? [h("wbr"), part] : [part]));
}

/** An ID that leads to its trace. */
export function idLink(href, id) {
  return h("a", { class: "mono", href }, id);
}

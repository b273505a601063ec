// The pieces that every view is made of: cards, notices, and what stands where figures are still missing.
import { h, hidden } from "./element.js";

/** A card with a heading, and something beside it. */
export function card(title, beside, ...children) {
  return h("section", { class: "card", "data-key": title, "aria-label": title },
    h("div", { class: "head" }, h("h2", null, title), beside),
    children);
}

/** Grey shapes of what is being read. */
export function skeleton(kind, lines = 3) {
  const bars = kind === "plot" ? h("div", { class: "bone plot-size" }) : Array.from({ length: lines }, () => h("div", { class: "bone" }));
  return h("div", { class: "bones" }, hidden("Reading…"), bars);
}

/** What could not be read, and why. */
export function failed(error) {
  const detail = error.status === 401 || error.status === 403 ? signIn(error) : error.detail;
  return h("div", { class: "failed" },
    h("p", null, h("b", null, `${error.title}.`), " ", detail || "There is no more to say about it."),
    h("p", { class: "hint" }, "It is tried again by itself."));
}

/** How to go on where access ended. */
export function signIn(error) {
  return [error.status === 403 ? `${error.detail}. ` : "Your session has ended. ", h("a", { href: "login" }, "Sign in")];
}

/** Figures of a read: skeleton, error or `draw(data)`; dimmed while newer ones are on their way. */
export function reading(read, draw, lines) {
  if (!read.data) return read.error ? failed(read.error) : skeleton("lines", lines);
  return h("div", { class: read.old ? "dim" : null, "aria-busy": read.old ? "true" : null }, draw(read.data));
}

/** A state in a word, with its colour and a shape for those who don't see it. */
const TONES = { good: "●", bad: "■", warn: "▲", quiet: "○" };
export function badge(tone, ...text) {
  return h("span", { class: `badge ${tone}` }, h("i", { "aria-hidden": "true" }, TONES[tone]), h("span", null, text));
}

/** Names and what belongs to them. */
export function facts(pairs) {
  return h("dl", { class: "facts" },
    pairs.filter(Boolean).map(([name, ...value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
}

/** A table that scrolls by itself where the page is narrow. */
export function table(label, columns, rows, cls = "") {
  const head = columns.map((name) => {
    const isFigure = name.startsWith("#");
    return h("th", { scope: "col", class: isFigure ? "num" : null }, name.replace("#", ""));
  });
  const body = rows.map((cells) => h("tr", null, cells.map((cell, n) =>
    h("td", { class: columns[n]?.startsWith("#") ? "num" : null }, cell))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", { class: `list ${cls}` }, h("thead", null, h("tr", null, head)), h("tbody", null, body)));
}

/** A path that may break before its slashes. */
export function breakable(path) {
  return path.split(/(?<=.)(?=\/)/).flatMap((part, n) => (n ? [h("wbr"), part] : [part]));
}

/** An ID that leads to its trace. */
export function idLink(href, id) {
  return h("a", { class: "mono", href }, id);
}

// Commands to copy. Those of pathctl name this gateway, so that none reaches another one.
import { h } from "./element.js";

const SAID_MS = 2_000;
const DEFAULT_TARGET = "http://localhost:8787"; // what pathctl asks unless told
const BARE = /^[\w.,:/@%=+-]+$/;

/** A word as shells take it. */
export const word = (text) => (BARE.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** A command of pathctl for this gateway. */
export function pathctl(text) {
  return location.origin === DEFAULT_TARGET ? `pathctl ${text}` : `pathctl --target ${location.origin} ${text}`;
}

async function copy({ currentTarget: button }) {
  const code = button.previousElementSibling;
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.dataset.said = "Copied";
    setTimeout(() => delete button.dataset.said, SAID_MS);
  } catch {
    // Not where the page has no secure origin: then it is at least selected.
    getSelection()?.selectAllChildren(code);
  }
}

/** A command, with a button that copies it. */
export function command(text) {
  return h(
    "span",
    { class: "command" },
    h("code", null, text),
    h("button", { type: "button", onclick: copy, "aria-label": `Copy: ${text}` }, "Copy"),
  );
}

/** Commands by what they do: [what, command]. */
export function commands(list) {
  return h(
    "dl",
    { class: "commands" },
    list.filter(Boolean).map(([what, text]) => h("div", null, h("dt", null, what), h("dd", null, command(text)))),
  );
}

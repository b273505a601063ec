// Light or dark: the system's choice, unless a person made another; and colours for what is drawn on a canvas.

const ORDER = ["system", "light", "dark"];

export function theme() {
  return document.documentElement.dataset.theme ?? "system";
}

/** The next of system, light and dark; remembered where the browser allows it. */
export function nextTheme() {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length];
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
  } catch {
    // It then holds until the page is left.
  }
}

/** Calls `changed` when the system's theme changes. */
export function watchTheme(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

const probe = document.createElement("span");
probe.hidden = true;
const found = new Map();

/** The colour that a custom property has now, such as `--s5xx`. */
export function colour(name) {
  if (!probe.isConnected) document.body.append(probe);
  const key = `${name} ${theme()} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
  if (!found.has(key)) {
    probe.style.color = `var(${name})`;
    found.set(key, getComputedStyle(probe).color);
  }
  return found.get(key);
}

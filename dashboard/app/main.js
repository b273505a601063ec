// The dashboard.
//
// Map of the house. Data flows one way: address → place → needs → figures → page.
//
//   place.js      the address as a value; every choice a person makes is in it
//   range.js      time ranges, and how often their figures are read
//   feed.js       reads and re-reads the API; keeps old figures when a read fails
//   sources.js    which route gives which figures; takes in the embedded snapshot
//   painted.js    when the snapshot is on the screen, and all else may come
//   element.js, morph.js   a view is a function that gives new elements; the page is changed only where they differ
//   bar.js        what stands above every view
//   overview.js (summary, tiles, traffic, marks, path_table), path_page.js, trace.js, rollout.js (shares),
//   parity.js (parity_window, verdict), pipeline.js (reasons, flow)   the views
//   chart.js, overlay.js, tip.js, spark.js, theme.js   what is drawn
//   figure.js, time.js, parts.js, command.js   figures with units, times with UTC, cards and tables, commands to copy
//
// Invariants: nothing is markup but what element.js makes; no style is inline; nothing is asked of another origin. The
// Content-Security-Policy holds us to it.
import { bar, foot, notice } from "./bar.js";
import { drawCharts } from "./chart.js";
import { h } from "./element.js";
import { Feed } from "./feed.js";
import { morphChildren } from "./morph.js";
import { overview } from "./overview.js";
import { painted } from "./painted.js";
import { parityPage } from "./parity.js";
import { pathPage } from "./path_page.js";
import { safely } from "./parts.js";
import { pipelinePage } from "./pipeline.js";
import { addressOf, placeOf } from "./place.js";
import { rolloutPage } from "./rollout.js";
import { Sources } from "./sources.js";
import { watchTheme } from "./theme.js";
import { tracePage } from "./trace.js";

const VIEWS = {
  overview: { draw: overview, title: () => "Overview" },
  path: { draw: pathPage, title: ({ path }) => path },
  trace: { draw: tracePage, title: ({ id }) => (id ? `Trace ${id}` : "Trace") },
  rollout: { draw: rolloutPage, title: () => "Rollout" },
  parity: { draw: parityPage, title: ({ window }) => (window ? `Parity ${window}` : "Parity") },
  pipeline: { draw: pipelinePage, title: () => "Pipeline" },
};
const TYPING_MS = 200;
const RETURN_KEY = "return-to";

const footer = /** @type {HTMLElement} */ (document.getElementById("foot"));
const top = document.getElementById("top");
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
let place = placeOf(location.search);
let drawing = 0;
let typing = 0;
let isPainted = false;
/** @type {{ data?: any, error?: any }} */
let flag = {};

const feed = new Feed(redraw);
const sources = new Sources(feed);

/** Draws once before the next paint, however often it is asked to. */
function redraw() {
  drawing ||= requestAnimationFrame(draw);
  // A hidden page gets no frames; its title and figures may wait.
}

function draw() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  feed.paused = place.live === "off";
  let view;
  feed.drawing(() => {
    flag = sources.flag();
    view = safely(() => VIEWS[place.view].draw({ place, sources, go, searched }));
  });
  const state = feed.state();
  rememberPlace(state.failed);
  morphChildren(
    main,
    h(
      "div",
      null,
      notice(state, () => feed.again()),
      h("div", { class: "view", "data-key": viewKey() }, view),
    ),
  );
  drawBar(state);
  morphChildren(footer, h("div", null, foot()));
  if (isPainted) drawCharts(main);
  document.title = `${VIEWS[place.view].title(place)} – Path Collector`;
}

function drawBar(state = feed.state()) {
  morphChildren(top, h("div", null, bar({ place, state, flag, redraw })));
}

/** What makes a page another page, rather than the same one with other figures. */
const viewKey = () => [place.view, place.path, place.window, place.view === "trace" ? place.id : ""].join(" ");

/** Goes to an address of the dashboard. */
function go(address, { replace = false } = {}) {
  const before = viewKey();
  history[replace ? "replaceState" : "pushState"](null, "", address);
  place = placeOf(location.search);
  draw();
  if (viewKey() !== before) arrive();
}

/** A new page begins at its top, and is told of to those who hear it. */
function arrive() {
  scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

function searched(text) {
  clearTimeout(typing);
  const typed = () => go(addressOf({ ...place, search: text.trim(), pages: 1 }), { replace: true });
  typing = setTimeout(typed, TYPING_MS);
}

/** Signing in leads to the first page; from there back to where the session ended. */
function rememberPlace(failed) {
  try {
    if (failed?.status === 401) sessionStorage.setItem(RETURN_KEY, location.search);
  } catch {
    // Without storage the first page will do.
  }
}

function returnToPlace() {
  try {
    const before = sessionStorage.getItem(RETURN_KEY);
    sessionStorage.removeItem(RETURN_KEY);
    if (before && !location.search) {
      history.replaceState(null, "", before);
      place = placeOf(before);
    }
  } catch {
    // As above.
  }
}

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  /** @type {HTMLAnchorElement | null} */
  const link = target.closest?.("a[href]");
  const href = link?.getAttribute("href");
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !href?.startsWith("?") || !isPlain) return;
  event.preventDefault();
  go(href, { replace: "replace" in link.dataset });
});

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const isTyping = target.closest?.("input, textarea, select");
  if (event.key === " " && target.matches?.("a[role=button]")) {
    event.preventDefault();
    target.click();
  }
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
  /** @type {HTMLInputElement | null} */
  const search = document.querySelector("#search, .find input");
  if (search) {
    event.preventDefault();
    search.focus();
  }
});

addEventListener("popstate", () => {
  const before = viewKey();
  place = placeOf(location.search);
  draw();
  if (viewKey() !== before) arrive();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) redraw();
});
watchTheme(redraw);
setInterval(() => {
  if (!document.hidden) drawBar();
}, 1_000);

/** What the Worker put into the page, if it did. */
function embedded() {
  try {
    return JSON.parse(document.getElementById("snapshot")?.textContent ?? "null");
  } catch {
    return null; // Then the figures are asked for.
  }
}

returnToPlace();
const snapshot = embedded();
if (snapshot) sources.seed(snapshot, place);
feed.held = sources.brief = snapshot !== null;
draw();
// Figures first: charts, the rest of the table and fresh figures take longer than all before.
void painted.then(() => {
  isPainted = true;
  feed.held = sources.brief = false;
  draw();
});

// The bar at the top: views, range, whether figures are live, theme; and notices below it.
import { h, hidden } from "./element.js";
import { spanText } from "./figure.js";
import { prose, sentence, signIn } from "./parts.js";
import { addressOf, changed, towards } from "./place.js";
import { ruleText } from "./shares.js";
import { RANGES } from "./range.js";
import { nextTheme, theme } from "./theme.js";
import { spanOfText, time, timeText, zoneText } from "./time.js";

const NAMES = { overview: "Overview", rollout: "Rollout", parity: "Parity", pipeline: "Pipeline", trace: "Trace" };
const PATIENCE_MS = 4_000; // how long an answer, or new figures, may take before that is told
const RANGED = ["overview", "path"];

/** The bar itself. */
export function bar({ place, state, flag, redraw }) {
  const link = (view) => {
    const isHere = place.view === view || (view === "overview" && place.view === "path");
    return h(
      "li",
      null,
      h("a", { href: towards(place, { view }), "aria-current": isHere ? "page" : null }, NAMES[view]),
    );
  };
  return [
    h(
      "div",
      { class: "bar" },
      h(
        "a",
        { class: "brand", href: towards(place, {}) },
        h("img", { src: "icon.svg", alt: "", width: "22", height: "22" }),
        h("span", null, "Path Collector"),
      ),
      h("nav", { "aria-label": "Views", class: "views" }, h("ul", null, Object.keys(NAMES).map(link))),
      h("div", { class: "tools" }, liveness(place, state), themeButton(redraw), hasSession() && signOut()),
    ),
    h("div", { class: "second" }, where(flag, place), RANGED.includes(place.view) ? ranges(place) : null),
  ];
}

/** Which gateway this is, and the rule that is in force there. */
function where(flag, place) {
  const environment = document.body.dataset.environment;
  const { data } = flag;
  let rule = flag.error ? "The rule can’t be read now." : "";
  if (data) rule = data.stop ? `stopped by ${data.stop.by}` : `version ${data.version}: ${ruleText(data)}`;
  return h(
    "p",
    { class: "where" },
    h("b", null, location.host),
    environment ? h("span", { class: "n" }, environment) : null,
    rule
      ? h("a", { class: data?.stop ? "stopped" : null, href: towards(place, { view: "rollout" }), title: "The rule in force" }, rule)
      : null,
  );
}

/** What stands below every view: whose times these are, and what this is. */
export function foot() {
  const [version, build] = (document.body.dataset.build ?? "").split(" ");
  return [
    h("p", null, `Times are in ${zoneText()}; hover shows UTC. Days of parity begin at 00:00 UTC.`),
    h(
      "p",
      null,
      `Path Collector ${version}${build ? `, build ${build}` : ""}. `,
      h("a", { href: "openapi.json" }, "API description"),
    ),
  ];
}

function ranges(place) {
  const option = (name) =>
    h(
      "li",
      null,
      h(
        "a",
        {
          href: changed(place, { range: name }),
          title: RANGES[name].title,
          "aria-current": !place.from && place.range === name ? "true" : null,
        },
        name.replace("m", "\u202fm").replace("h", "\u202fh").replace("d", "\u202fd"),
      ),
    );
  const chosen = place.from
    ? h(
        "p",
        { class: "chosen" },
        h("b", null, spanOfText(place.from, place.to)),
        h("a", { href: changed(place, { range: place.range }), "aria-label": "Back to the range before" }, "✕"),
      )
    : null;
  return h(
    "nav",
    { class: "ranges", "aria-label": "Time range" },
    h("ul", null, Object.keys(RANGES).map(option)),
    chosen,
  );
}

/** Says how old the figures are, and pauses or resumes reading. */
function liveness(place, { at, stale, failed, loading, since }) {
  const isPaused = place.live === "off";
  const age = at ? Date.now() - at : null;
  let [tone, text] = ["live", "Live"];
  if (isPaused) [tone, text] = ["paused", "Paused"];
  else if (failed || stale) [tone, text] = ["stale", "Not current"];
  else if (loading || !at) [tone, text] = ["loading", Date.now() - since > PATIENCE_MS ? "No answer yet" : "Reading"];
  const old = age !== null && (isPaused || age > PATIENCE_MS) ? spanText(age) : "";
  return h(
    "a",
    {
      class: `liveness ${tone}`,
      role: "button",
      href: addressOf({ ...place, live: isPaused ? "on" : "off" }),
      "data-replace": "",
      title: at ? `Figures of ${timeText(at, "second")}. ${isPaused ? "Resume" : "Pause"} reading` : null,
      // What is seen comes first, in the same words.
      "aria-label": `${text}${old ? ` ${old}: so old are the figures` : ""}. ${isPaused ? "Resume" : "Pause"} live figures`,
    },
    h("i", { "aria-hidden": "true" }),
    h("span", null, text),
    old ? [" ", h("span", { class: "age" }, old)] : null,
  );
}

function themeButton(redraw) {
  const now = theme();
  const name = { system: "as the system", light: "light", dark: "dark" }[now];
  const onclick = () => {
    nextTheme();
    redraw();
  };
  return h(
    "button",
    { class: `theme ${now}`, type: "button", onclick, title: `Theme: ${name}` },
    h("i", { "aria-hidden": "true" }),
    hidden(`Theme: ${name}. Change it`),
  );
}

/** Whether this page was read in a session: not with a token, and not where all is open. */
const hasSession = () => document.body.dataset.session === "open";

function signOut() {
  return h(
    "form",
    { method: "post", action: "logout", class: "sign-out" },
    h("button", { class: "quiet" }, "Sign out"),
  );
}

const PARTS = {
  old: "the PathCollector object",
  new: "D1",
  "dead-letters": "dead letters",
  archive: "the archive",
  parity: "parity reports",
};

/** That figures are there in part: which part isn't, and why. */
function partial(missing) {
  const parts = missing.map(({ store, reason }) => `${PARTS[store] ?? store} (${reason})`);
  return h(
    "div",
    { class: "notice warn", role: "alert" },
    h(
      "p",
      null,
      h("b", null, "Figures lack a part. "),
      prose(sentence(`${parts.join(" and ")} could not be read`)),
      " What only it holds is in no figure here.",
    ),
  );
}

/**
 * What a person must know about the figures: that they can't be read, and of when those shown are; or that a part of
 * them can't.
 */
export function notice({ failed, at, missing }, again) {
  if (!failed) return missing.length ? partial(missing) : null;
  const needsSession = failed.status === 401 || failed.status === 403;
  return h(
    "div",
    { class: `notice ${needsSession ? "warn" : "bad"}`, role: "alert" },
    h(
      "p",
      null,
      h("b", null, needsSession ? "Signed out. " : "Figures can’t be read now. "),
      needsSession ? signIn(failed) : prose(sentence(failed.detail || failed.title)),
      " ",
      at ? ["What is shown is of ", time(at, "second"), "."] : "",
    ),
    needsSession ? null : h("button", { type: "button", class: "quiet", onclick: again }, "Try again"),
  );
}

// Makes a live tree like a new one and touches only what differs, so that focus, selection, scroll position, open
// details and charts outlive a refresh.
//
// `data-key` names a child among its siblings. `data-keep` marks an element whose inside belongs to someone else (a
// chart): its attributes and `$…` properties follow, its children don't. What a person typed or opened stays theirs.

const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit", "onkeydown", "ontoggle", "$chart"];

/** Gives `live` the children of `fresh`. */
export function morphChildren(live, fresh) {
  const keyed = new Map();
  for (const child of live.children) if (child.dataset?.key) keyed.set(child.dataset.key, child);
  let at = live.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = next.dataset?.key;
    let match = key ? keyed.get(key) : at;
    if (!key && match?.dataset?.key) match = null;
    if (match && alike(match, next)) {
      if (match === at) at = at.nextSibling;
      else live.insertBefore(match, at);
      morph(match, next);
    } else {
      live.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

const alike = (a, b) => a.nodeName === b.nodeName && a.dataset?.keep === b.dataset?.keep;

function morph(live, fresh) {
  if (live.nodeType !== Node.ELEMENT_NODE) {
    if (live.data !== fresh.data) live.data = fresh.data;
    return;
  }
  attributes(live, fresh);
  for (const name of HANDLERS) if (live[name] !== fresh[name]) live[name] = fresh[name];
  if (!live.dataset?.keep) morphChildren(live, fresh);
}

function attributes(live, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (name === "style") continue;
    if (name === "value" && live.localName === "input") typed(live, value);
    if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  const isDetails = live.localName === "details";
  for (const { name } of [...live.attributes]) {
    if (name !== "style" && !(isDetails && name === "open") && !fresh.hasAttribute(name)) live.removeAttribute(name);
  }
  // As an attribute a style would be inline, which the policy forbids; as a property it isn't.
  if (live.style && live.style.cssText !== fresh.style.cssText) live.style.cssText = fresh.style.cssText;
}

function typed(input, value) {
  if (input.value !== value && document.activeElement !== input) input.value = value;
}

/* What the page shows, kept in the URL behind `#`, so that a link shows the same. What stands there is not sent to the
   server with the page, and so in no log of requests. */

const DEFAULTS = {
  q: "", // the text
  c: "", // the collection
  mode: "", // how to search; "" lets the server choose
  filter: "", // a line of the filter language
  picks: {}, // by field: {values: […]} or {from, to}
  edits: {}, // by term: its weight, negative where it is switched off; null where it is removed (see vector.js)
  least: 0, // the least relevance of hits
  k: 10,
  c2: "", // the second list, if there is one: its collection and mode
  mode2: "",
  beside: false,
  doc: "", // the document that is open
  from: "", // its collection, if that is not `c`
  view: "", // "" for search, "collection" for the collection
};
const JSON_KEYS = ["picks", "edits"];

let now = read();
const followers = [];

/** The state. Not to be changed but by `update`. */
export const current = () => now;

/** Be told of changes: `follower(state, changed)`, where `changed` is a set of keys. */
export function follow(follower) {
  followers.push(follower);
}

/** Change the state; with `push`, so that the browser's Back undoes it. */
export function update(changes, { push = false } = {}) {
  const next = { ...now, ...changes };
  const hash = written(next);
  history[push ? "pushState" : "replaceState"](null, "", hash || location.pathname);
  settle(next);
}

/** A link to the state with changes. */
export const linkTo = (changes) => written({ ...now, ...changes }) || "#";

function settle(next) {
  const changed = new Set(
    Object.keys(DEFAULTS).filter((key) => JSON.stringify(next[key]) !== JSON.stringify(now[key])),
  );
  // A link within the page is told twice; the state stays the same object while it says the same.
  if (!changed.size) return;
  now = next;
  for (const follower of followers) follower(now, changed);
}

function written(state) {
  const parts = new URLSearchParams();
  for (const [key, usual] of Object.entries(DEFAULTS)) {
    const value = JSON_KEYS.includes(key) ? JSON.stringify(state[key]) : String(state[key]);
    if (value !== (JSON_KEYS.includes(key) ? "{}" : String(usual))) parts.set(key, value);
  }
  const text = parts.toString();
  return text && `#${text}`;
}

function read() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const state = structuredClone(DEFAULTS);
  for (const [key, value] of parts) {
    if (!(key in DEFAULTS)) continue;
    if (JSON_KEYS.includes(key)) state[key] = object(value);
    else if (key === "beside") state[key] = value === "true";
    else if (key === "k") state[key] = Math.max(1, Number.parseInt(value, 10) || DEFAULTS.k);
    else if (key === "least") state[key] = Math.min(1, Math.max(0, Number.parseFloat(value) || DEFAULTS.least));
    else state[key] = value;
  }
  return state;
}

/** What JSON says, if it is an object; a link may say anything. */
function object(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

// Back, forward, and links within the page.
addEventListener("popstate", () => settle(read()));
addEventListener("hashchange", () => settle(read()));

/* The page: what follows what. */

import * as api from "./api.js";
import { byId, el, fill } from "./dom.js";
import { showCollection } from "./collection_view.js";
import { countedFields, showFacets, showFilters, startFilters } from "./filters_panel.js";
import { startKeyboard } from "./keyboard.js";
import { askForKey } from "./keys.js";
import { draw, searchLists, showTotal } from "./lists.js";
import { modeName, modesOf, showModes } from "./modes.js";
import { showDocument, startReader } from "./reader.js";
import { isCalibrated, showRelevance, startRelevance } from "./relevance.js";
import { encoded, facets, Latest } from "./searching.js";
import { current, follow, linkTo, update } from "./state.js";
import { showTerms, startTerms } from "./terms_panel.js";
import { startTheme } from "./theme.js";
import { termsOf } from "./vector.js";

const TYPING = 80; // milliseconds after the last key
const SEARCHED = ["q", "c", "mode", "filter", "picks", "edits", "least", "k", "c2", "mode2", "beside"];
const COUNTED = ["q", "c", "filter", "picks", "edits", "least"];

const known = { collections: [], descriptions: new Map(), vector: {}, facetsOf: "" };
const encodings = new Latest();
const counts = new Latest();
const owed = new Set(); // what has changed and is not shown yet
let waiting = 0;

async function start() {
  startTheme();
  startKeyboard();
  startTerms();
  startReader();
  startFilters(3 * TYPING);
  startRelevance();
  startControls();
  await loadCollections();
  chooseCollection();
  follow(changed);
  await changed(current(), new Set(["doc", "view", ...SEARCHED]));
  if (matchMedia("(max-width: 55rem)").matches) byId("filters-panel").open = byId("terms-panel").open = false;
  else if (!current().doc) byId("q").focus();
}

/** Know which collections there are; a server that warms up is waited for, and any other refusal told. */
async function loadCollections() {
  const notice = byId("notice");
  for (;;) {
    try {
      known.collections = (await api.collections()).collections;
      known.descriptions.clear();
      notice.hidden = true;
      return;
    } catch (error) {
      notice.textContent = error.message;
      notice.hidden = false;
      if (error.status !== 503) return;
      await error.waited();
    }
  }
}

/** Take the first collection where the state names none that there is. */
function chooseCollection() {
  const names = known.collections.flatMap((each) => [each.name, ...each.aliases]);
  const { c } = current();
  if (names.includes(c) || !names.length) return;
  update({ c: names[0] });
  if (c) say(`There is no collection “${c}”: this is ${names[0]}.`);
}

async function changed(state, keys) {
  for (const key of keys) owed.add(key);
  // A link may name none.
  if (!state.c && known.collections.length) return chooseCollection();
  if (state.c) await describe(state);
  if (current() !== state) return;
  keys = new Set(owed);
  owed.clear();
  show(state);
  if (!state.c) return;
  if (keys.has("doc")) showDocument(state);
  if (keys.has("view") || keys.has("c")) showCollection(state, known, reload);
  if (state.view || !(keys.has("view") || SEARCHED.some((key) => keys.has(key)))) return;
  clearTimeout(waiting);
  const delay = keys.has("q") && document.activeElement === byId("q") ? TYPING : 0;
  if (delay) waiting = setTimeout(search, delay);
  else search();
}

async function describe(state) {
  for (const name of new Set([state.c, ...(state.beside && state.c2 ? [state.c2] : [])])) {
    if (known.descriptions.has(name)) continue;
    for (;;) {
      try {
        known.descriptions.set(name, await api.describe(name));
        byId("notice").hidden = true;
        break;
      } catch (error) {
        say(error.message);
        // One that is being opened is waited for.
        if (error.status !== 503 || current() !== state) break;
        await error.waited();
      }
    }
  }
}

const description = (name) => known.descriptions.get(name) ?? { modes: [], fields: {}, dense: null, documents: 0 };
const terms = () => termsOf(known.vector, current().edits, current().q).filter((each) => each.on);

/** What does not wait for an answer. */
function show(state) {
  const about = description(state.c);
  const collectionView = state.view === "collection";
  byId("search-view").hidden = collectionView;
  byId("collection-view").hidden = !collectionView;
  byId("heading").textContent = collectionView ? `Collection ${state.c}` : "Search";
  document.title = [collectionView ? "Collection" : state.q, state.c, "lsr"].filter(Boolean).join(" · ");
  byId("to-search").href = linkTo({ view: "" });
  byId("to-collection").href = linkTo({ view: "collection" });
  byId("to-search").toggleAttribute("data-here", !collectionView);
  byId("to-collection").toggleAttribute("data-here", collectionView);
  const input = byId("q");
  if (input.value !== state.q) input.value = state.q;
  input.placeholder = about.documents ? `Search ${about.documents.toLocaleString("en")} documents` : "Search";
  fillSelect(
    byId("collection"),
    known.collections.map((each) => each.name),
    state.c,
  );
  showModes(byId("modes"), modesOf(about), state.mode, { name: "mode", key: "mode" });
  showFilters(state, about.fields);
  showRelevance(state, about);
  byId("beside-toggle").setAttribute("aria-pressed", String(state.beside));
  fillSelect(
    byId("collection2"),
    known.collections.map((each) => each.name),
    state.c2 || state.c,
  );
  fillSelect(byId("mode2"), modesOf(description(state.c2 || state.c)), state.mode2, modeName);
}

function fillSelect(select, values, chosen, name = String) {
  const all = values.includes(chosen) ? values : [...values, chosen];
  if (select.dataset.values !== all.join("\n")) {
    select.dataset.values = all.join("\n");
    fill(
      select,
      all.map((value) => el("option", { value }, name(value))),
    );
  }
  select.value = chosen;
}

/** Hits first; then their counts. The terms come beside the hits, and give them their colours. */
async function search() {
  const state = current();
  encodings
    .run((signal) => encoded(state.c, state.q, signal))
    .then((vector) => {
      if (vector === undefined) return;
      known.vector = vector;
      showTerms(current(), vector);
      draw(current(), terms());
    })
    .catch(() => showTerms(current(), (known.vector = {})));
  showTerms(state, known.vector);
  const calibrated = (name, mode) => isCalibrated(description(name), mode);
  const came = await searchLists(state, terms, calibrated);
  if (!came) return;
  const wanted = JSON.stringify(COUNTED.map((key) => state[key]));
  if (wanted === known.facetsOf) return;
  const fields = countedFields(description(state.c).fields);
  try {
    const found = await counts.run((signal) => facets(state, state.c, fields, calibrated(state.c, ""), signal));
    if (found === undefined) return;
    showFacets(found.facets);
    if (found.total) showTotal(current(), found.total, terms());
    known.facetsOf = wanted;
  } catch {
    known.facetsOf = ""; // the list has told the problem
  }
}

/** After documents came: what is known is old. */
async function reload() {
  await loadCollections();
  chooseCollection();
  known.facetsOf = "";
  await changed(current(), new Set(["c", "q"]));
}

function say(message) {
  byId("notice").textContent = message;
  byId("notice").hidden = false;
}

function startControls() {
  byId("search").addEventListener("submit", (event) => event.preventDefault());
  byId("q").addEventListener("input", (event) => update({ q: event.target.value, k: 10 }));
  byId("more").addEventListener("click", () => update({ k: current().k + 10 }));
  // Another collection has other terms and fields.
  const anew = { mode: "", filter: "", picks: {}, edits: {}, least: 0, k: 10 };
  byId("collection").addEventListener("change", (event) => update({ c: event.target.value, ...anew }, { push: true }));
  byId("beside-toggle").addEventListener("click", () => update({ beside: !current().beside }, { push: true }));
  byId("collection2").addEventListener("change", (event) =>
    update({ c2: event.target.value, mode2: "" }, { push: true }),
  );
  byId("mode2").addEventListener("change", (event) => update({ mode2: event.target.value }, { push: true }));
  byId("key-open").addEventListener("click", async () => (await askForKey()) && reload());
}

start();

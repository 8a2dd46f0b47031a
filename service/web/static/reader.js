/* A document: its text with what matched, its fields, and its own terms. */

import * as api from "./api.js";
import { byId, el, fill } from "./dom.js";
import { termName } from "./explaining.js";
import { colourClass, coloursOf } from "./families.js";
import { count, counted, weight } from "./format.js";
import { marked, spansOf } from "./highlight.js";
import { valueText } from "./hits.js";
import { encoded, Latest } from "./searching.js";
import { current, update } from "./state.js";
import { standsIn, termsOf } from "./vector.js";

const FEW = 40;
const CLOSED = { doc: "", from: "" };
const latest = new Latest();

export function startReader() {
  const dialog = byId("document");
  // Escape and the button alike: what is closed is no longer in the URL.
  dialog.addEventListener("close", () => current().doc && update(CLOSED, { push: true }));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  byId("document-close").addEventListener("click", () => dialog.close());
}

/** Open the document that the state names, or close the one that is open. */
export async function showDocument(state) {
  const dialog = byId("document");
  if (!state.doc) {
    latest.cancel();
    if (dialog.open) dialog.close();
    return;
  }
  const opener = document.activeElement;
  const place = byId("document-body");
  byId("document-title").textContent = state.doc;
  fill(place, el("p", { class: "quiet-note" }, "Loading …"));
  if (!dialog.open) dialog.showModal();
  dialog.addEventListener("close", () => opener?.isConnected && opener.focus(), { once: true });
  try {
    const found = await latest.run((signal) => load(state, signal));
    if (found) show(found, state);
  } catch (error) {
    fill(place, el("p", { class: "problem", role: "alert" }, error.message));
  }
}

async function load(state, signal) {
  const collection = state.from || state.c;
  const [content, own, query] = await Promise.all([
    api.getDocument(collection, state.doc, signal),
    api.terms(collection, state.doc, signal),
    encoded(collection, state.q, signal),
  ]);
  return { content, own, query };
}

function show({ content, own, query }, state) {
  const asked = termsOf(query, state.edits, state.q).filter((each) => each.on);
  const weights = new Map(own.terms.map(({ term, weight: value }) => [term, value]));
  const matches = asked
    .filter(({ term }) => weights.has(term))
    .map((each) => ({ term: each.term, contribution: each.weight * weights.get(each.term) }));
  const most = Math.max(0, ...matches.map((match) => match.contribution));
  const colours = coloursOf(asked);
  const fields = Object.entries(content.fields);
  byId("document-title").textContent = content.title || content.id;
  fill(
    byId("document-body"),
    el("p", { class: "facts" }, el("span", { class: "id" }, content.id)),
    fields.length > 0 &&
      el(
        "dl",
        { class: "fields" },
        fields.map(([name, value]) => [el("dt", {}, name), el("dd", {}, valueText(value))]),
      ),
    el("div", { class: "document-text" }, marked(content.text, spansOf(content.text, matches), colours, most)),
    ownTerms(own, `${content.title} ${content.text}`, colours, asked),
  );
}

/** Add a term to the query, as heavy as its others are on average, unless it is one of them. */
function askFor(term, asked) {
  const mean = asked.length ? asked.reduce((sum, each) => sum + each.weight, 0) / asked.length : 1;
  const added = asked.some((each) => each.term === term) ? {} : { [term]: Number(mean.toPrecision(3)) };
  update({ ...CLOSED, edits: { ...current().edits, ...added } }, { push: true });
}

/** The document's vector, heaviest first; a click asks for a term. */
function ownTerms(own, contents, colours, asked) {
  const heaviest = own.terms[0]?.weight ?? 1;
  const expanded = own.terms.filter(({ term }) => !standsIn(term, contents)).length;
  const more = expanded ? ` ${count(expanded)} of them do not stand in the text: the model has added them.` : "";
  const list = el("ul", { class: "own-terms" });
  const draw = (shown) =>
    fill(
      list,
      shown.map(({ term, weight: value }) => {
        const expands = !standsIn(term, contents);
        return el(
          "li",
          {},
          el(
            "button",
            {
              type: "button",
              class: `own-term ${colourClass(colours, term)}${expands ? " expansion" : ""}`,
              vars: { "--width": `${((100 * value) / heaviest).toFixed(1)}%` },
              title: "Add to the query",
              onclick: () => askFor(term, asked),
            },
            termName(term),
            expands && el("span", { class: "tag" }, "not in the text"),
            el("span", { class: "term-weight" }, weight(value)),
          ),
        );
      }),
    );
  draw(own.terms.slice(0, FEW));
  const rest =
    own.terms.length > FEW && el("button", { type: "button", class: "quiet" }, `Show all ${own.terms.length}`);
  if (rest) rest.addEventListener("click", () => (draw(own.terms), rest.remove()));
  return el(
    "section",
    { "aria-labelledby": "own-terms" },
    el("h3", { id: "own-terms" }, "Its terms"),
    el("p", { class: "quiet-note" }, `${counted(own.count, "term")} with weights, as the index has them.${more}`),
    list,
    rest,
  );
}

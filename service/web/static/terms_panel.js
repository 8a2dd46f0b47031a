/* The query's terms as bars that can be dragged, switched off, removed and added to. */

import { byId, el, fill } from "./dom.js";
import { termName } from "./explaining.js";
import { colourClass, coloursOf } from "./families.js";
import { weight } from "./format.js";
import { encoded, isEdited, usesDense } from "./searching.js";
import { current, update } from "./state.js";
import { termsOf } from "./vector.js";

const FEW = 12;
const STEPS = 200;

let rows = new Map(); // by term: {node, show}
let all = false;
let usual = {}; // the model's weights

/** Show the terms of the state's query; `vector` is the model's. */
export function showTerms(state, vector) {
  usual = vector;
  const terms = termsOf(vector, state.edits, state.q);
  const shown = all ? terms : terms.filter((each, i) => i < FEW || each.added);
  const most = scaleOf(terms);
  const colours = coloursOf(terms);
  if (shown.length !== rows.size || shown.some(({ term }) => !rows.has(term))) build(shown);
  for (const each of shown) rows.get(each.term).show(each, most, colours);
  byId("terms-panel").hidden = !terms.length && !isEdited(state);
  byId("terms-reset").hidden = !isEdited(state);
  const more = byId("terms-more");
  more.hidden = terms.length <= FEW;
  more.textContent = all ? "Show the heaviest" : `Show all ${terms.length} terms`;
  byId("terms-note").textContent = note(state, terms);
}

function note(state, terms) {
  if (isEdited(state) && [state.mode, ...(state.beside ? [state.mode2] : [])].some(usesDense)) {
    return "Changed terms search the sparse side alone: the dense side needs the text. Reset to have both.";
  }
  if (isEdited(state) && !terms.some((each) => each.on)) return "Every term is off: there is nothing to search for.";
  return "";
}

/** What the ends of the sliders stand for: the same while one is dragged within it. */
function scaleOf(terms) {
  const heaviest = Math.max(0, ...terms.map((each) => each.usual));
  return Math.max(1.5 * heaviest, ...terms.filter((each) => each.on).map((each) => each.weight), 0.01);
}

function build(terms) {
  const before = rows;
  rows = new Map(terms.map(({ term }) => [term, before.get(term) ?? row(term)]));
  const typed = terms.filter((each) => each.typed);
  const rest = terms.filter((each) => !each.typed);
  fill(byId("terms"), group("From your words", typed), group("Expansion", rest));
}

function group(name, terms) {
  if (!terms.length) return null;
  const id = `terms-${name.split(" ")[0].toLowerCase()}`;
  return [
    el("h3", { id, class: "group" }, name),
    el(
      "ul",
      { class: "terms", "aria-labelledby": id },
      terms.map(({ term }) => rows.get(term).node),
    ),
  ];
}

function row(term) {
  const slider = el("input", { type: "range", min: 0, "aria-label": `Weight of ${term}` });
  const shown = el("output", { class: "term-weight" });
  const onOff = el("button", { type: "button", class: "quiet toggle", "aria-label": `Use ${term}` });
  const told = { "aria-label": `Remove ${term}`, title: "Remove" };
  const remove = el("button", { type: "button", class: "quiet", ...told }, "×");
  const node = el(
    "li",
    { class: "term", "data-term": term },
    onOff,
    el("span", { class: "term-label" }, termName(term)),
    slider,
    shown,
    remove,
  );
  let now = null;

  slider.addEventListener("input", () => {
    const value = Number(slider.value);
    edit(term, value > 0 ? value : -(now.weight || now.usual));
  });
  onOff.addEventListener("click", () => edit(term, now.on ? -now.weight : now.weight));
  remove.addEventListener("click", () => {
    const next = node.nextElementSibling ?? node.previousElementSibling;
    edit(term, now.added ? undefined : null);
    (next?.querySelector("input") ?? byId("add-term")).focus();
  });

  function show(each, most, colours) {
    now = each;
    node.className = `term ${colourClass(colours, term)}${each.on ? "" : " off"}`;
    const value = each.on ? each.weight : 0;
    slider.max = most;
    slider.step = most / STEPS;
    slider.value = value;
    slider.style.setProperty("--share", Math.min(1, value / most).toFixed(4));
    slider.setAttribute("aria-valuetext", each.on ? weight(value) : "off");
    shown.textContent = each.on ? weight(value) : "off";
    shown.classList.toggle("changed", rounded(value) !== rounded(each.usual));
    onOff.setAttribute("aria-pressed", String(each.on));
    onOff.title = each.on ? "Switch off" : "Switch on";
  }
  return { node, show };
}

/** Give a term a weight; the model's own, and undefined, need none. */
function edit(term, given) {
  const edits = { ...current().edits };
  const value = rounded(given);
  if (value === undefined || (Object.hasOwn(usual, term) && value === rounded(usual[term]))) delete edits[term];
  else edits[term] = value;
  update({ edits });
}

const rounded = (given) => (typeof given === "number" ? Number(given.toPrecision(5)) : given);

export function startTerms() {
  byId("terms-reset").addEventListener("click", () => {
    update({ edits: {} });
    byId("q").focus();
  });
  byId("terms-more").addEventListener("click", () => {
    all = !all;
    showTerms(current(), usual);
  });
  byId("add-term-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const input = byId("add-term");
    const text = input.value.trim();
    if (text) await add(text, input);
  });
}

/** Add what the model makes of a text, so that nobody has to know how it cuts words. */
async function add(text, input) {
  const note = byId("terms-note");
  try {
    const found = await encoded(current().c, text);
    const added = Object.entries(found).filter(([term]) => !Object.hasOwn(usual, term));
    const back = Object.keys(found).filter((term) => Object.hasOwn(usual, term));
    const edits = { ...current().edits };
    for (const [term, value] of added) edits[term] = value;
    for (const term of back) if (edits[term] === null || edits[term] < 0) delete edits[term];
    input.value = "";
    update({ edits });
    if (!Object.keys(found).length) note.textContent = `The vocabulary has no term for “${text}”.`;
    else if (!added.length) note.textContent = `“${text}” is among the terms.`;
  } catch (error) {
    note.textContent = error.message;
  }
}

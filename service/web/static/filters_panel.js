/* What documents must be: a line of the filter language, values of fields with their counts, and ranges. */

import { byId, el, fill } from "./dom.js";
import { mistakeIn } from "./expression.js";
import { compact, count } from "./format.js";
import { current, update } from "./state.js";

const COUNTED = /^(keyword|boolean|integer)/;
const RANGED = /^(integer|float|datetime)/;
const ROUND = /^(integer|float)/;

let ranges = ""; // the fields that there are inputs for

/** The fields whose values are worth counting: a number has a range. */
export const countedFields = (fields) =>
  Object.keys(fields).filter((name) => COUNTED.test(fields[name]) && !RANGED.test(fields[name]));

export function startFilters(delay) {
  const line = byId("filter");
  let waiting = 0;
  line.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => update({ filter: line.value }), delay);
  });
  byId("filter-clear").addEventListener("click", () => {
    clearTimeout(waiting);
    ranges = "";
    update({ filter: "", picks: {} });
    line.focus();
  });
}

/** Show the filter of the state, and inputs for the ranges of a collection's fields. */
export function showFilters(state, fields) {
  const line = byId("filter");
  if (document.activeElement !== line) line.value = state.filter;
  const example = Object.keys(fields)[0];
  line.placeholder = example ? exampleOf(example, fields[example]) : '_id ^= "a"';
  byId("filter-clear").hidden = !state.filter && !Object.keys(state.picks).length;
  const active = Object.keys(state.picks).length + (state.filter.trim() ? 1 : 0);
  byId("filters-count").textContent = active ? `(${active})` : "";
  const wanted = JSON.stringify([state.c, fields, active > 0]);
  if (wanted === ranges) return;
  ranges = wanted;
  fill(
    byId("ranges"),
    Object.entries(fields)
      .filter(([, type]) => RANGED.test(type))
      .map(([field, type]) => range(field, type, state.picks[field])),
  );
}

function exampleOf(field, type) {
  const name = /^[A-Za-z_][\w.-]*$/.test(field) ? field : `\`${field}\``;
  if (type.startsWith("boolean")) return name;
  return ROUND.test(type) ? `${name} >= 10` : `${name} = "…"`;
}

function range(field, type, pick) {
  const input = (side, words) =>
    el("input", {
      type: ROUND.test(type) ? "number" : "date",
      step: type.startsWith("float") ? "any" : null,
      "aria-label": `${field} ${words}`,
      placeholder: words,
      value: pick?.[side] ?? "",
      onchange: (event) => pickRange(field, type, side, event.target.value),
    });
  return el(
    "fieldset",
    { class: "range" },
    el("legend", {}, field),
    input("from", "from"),
    el("span", { "aria-hidden": "true" }, "–"),
    input("to", "to"),
  );
}

function pickRange(field, type, side, given) {
  const value = given === "" ? undefined : ROUND.test(type) ? Number(given) : given;
  const pick = { ...current().picks[field], [side]: value };
  const rest = without(current().picks, field);
  const empty = pick.from === undefined && pick.to === undefined;
  update({ picks: empty ? rest : { ...rest, [field]: pick } }, { push: true });
}

/** Show counts of values; a field without any is left out. */
export function showFacets(facets) {
  const focused = document.activeElement?.closest("#facets input")?.dataset.name;
  const shown = Object.entries(facets).filter(([field, facet]) => worthShowing(field, facet));
  fill(
    byId("facets"),
    shown.map(([field, facet]) => facetBox(field, facet)),
  );
  byId("facets")
    .querySelectorAll("input")
    .forEach((input) => input.dataset.name === focused && input.focus());
}

/** Whether the values of a field divide the documents: not where each has its own. */
function worthShowing(field, facet) {
  if (current().picks[field]?.values?.length) return true;
  return facet.values.length > 0 && !(facet.more > 0 && facet.values[0].documents === 1);
}

function facetBox(field, facet) {
  const picked = current().picks[field]?.values ?? [];
  const values = [
    ...facet.values,
    ...picked
      .filter((value) => !facet.values.some((each) => each.value === value))
      .map((value) => ({ value, documents: 0 })),
  ];
  const most = Math.max(1, ...values.map((each) => each.documents));
  return el(
    "fieldset",
    { class: "facet" },
    el("legend", {}, field),
    values.map(({ value, documents }) => facetValue(field, value, documents, most, picked.includes(value))),
    facet.more > 0 && el("p", { class: "more-values" }, `and ${count(facet.more)} other values`),
  );
}

function facetValue(field, value, documents, most, checked) {
  return el(
    "label",
    { class: "facet-value", vars: { "--share": ((100 * documents) / most).toFixed(1) } },
    el("input", {
      type: "checkbox",
      checked,
      "data-name": `${field} ${value}`,
      onchange: (event) => pickValue(field, value, event.target.checked),
    }),
    el("span", { class: "value" }, String(value)),
    el("span", { class: "documents", title: `${count(documents)} documents` }, compact(documents)),
  );
}

function pickValue(field, value, picked) {
  const others = (current().picks[field]?.values ?? []).filter((each) => each !== value);
  const values = picked ? [...others, value] : others;
  const rest = without(current().picks, field);
  update({ picks: values.length ? { ...rest, [field]: { values } } : rest }, { push: true });
}

const without = (picks, field) => Object.fromEntries(Object.entries(picks).filter(([name]) => name !== field));

/** Show what is wrong with the filter, and where; "" for nothing. */
export function showMistake(detail) {
  const place = byId("filter-error");
  const line = byId("filter");
  line.setAttribute("aria-invalid", String(Boolean(detail)));
  place.hidden = !detail;
  if (!detail) return;
  const mistake = mistakeIn(detail);
  const { line: text, at } = mistake;
  fill(
    place,
    el("span", {}, mistake.reason),
    text &&
      el(
        "code",
        {},
        text.slice(0, at),
        el("mark", { class: "mistake" }, text.slice(at, at + 1) || " "),
        text.slice(at + 1),
      ),
  );
}

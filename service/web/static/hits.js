/* A list of hits: title, the part of the text that matched most, fields, and what each term gave. */

import { el, fill } from "./dom.js";
import { explained } from "./explaining.js";
import { colourClass } from "./families.js";
import { count, weight } from "./format.js";
import { bestPart, marked, spansOf } from "./highlight.js";
import { linkTo } from "./state.js";
import { bare } from "./vector.js";

const MOST_FIELDS = 6;

/** The hits of an answer as list items. `colours` of the query's terms; `moves` by id, beside another list. */
export function hitItems(answer, { colours, collection, moves = null }) {
  const best = Math.max(0, ...answer.hits.map(total));
  return answer.hits.map((hit) => hitItem(hit, best, colours, collection, moves?.get(hit.id)));
}

function hitItem(hit, best, colours, collection, move) {
  const matches = hit.matches ?? [];
  const most = Math.max(0, ...matches.map((match) => match.contribution));
  const text = hit.text ?? "";
  const spans = spansOf(text, matches);
  const heading = hit.title || hit.id;
  const why = el("div", { class: "why-place", hidden: true });
  return el(
    "li",
    { class: "hit", "data-id": hit.id },
    el("span", { class: "rank", "aria-hidden": "true" }, count(hit.rank)),
    el(
      "div",
      { class: "hit-body" },
      el(
        "h3",
        {},
        el(
          "a",
          { class: "hit-link", href: linkTo({ doc: hit.id, ...(collection.second && { c: collection.name }) }) },
          marked(heading, spansOf(heading, matches), colours, most),
        ),
        move && el("span", { class: `move move-${move.kind}` }, move.words),
      ),
      text && el("p", { class: "snippet" }, marked(text, spans, colours, most, bestPart(text, spans))),
      el("p", { class: "facts" }, facts(hit, heading)),
      matches.length > 0 && contributionBar(hit, best, colours),
      (matches.length > 0 || hit.stages) && whyButton(hit, why, { text, heading, colours }),
      why,
    ),
  );
}

/** What the terms gave: of a fused ranking the score is on another scale. */
const total = (hit) => (hit.matches ?? []).reduce((sum, match) => sum + match.contribution, 0);

function facts(hit, heading) {
  const fields = Object.entries(hit.fields ?? {}).filter(([, value]) => isShort(value));
  return [
    hit.id !== heading && el("span", { class: "id" }, hit.id),
    fields.slice(0, MOST_FIELDS).map(([name, value]) => [
      el("span", { class: "field" }, el("span", { class: "field-name" }, name), " ", valueText(value)),
    ]),
    hit.score > 0 && el("span", { class: "score" }, el("span", { class: "field-name" }, "score"), " ", weight(hit.score)),
  ];
}

const isShort = (value) => value !== null && valueText(value).length <= 80;

export function valueText(value) {
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The score as a bar, in as many parts as terms gave something. The table of `explained` says the same in numbers. */
function contributionBar(hit, best, colours) {
  return el(
    "div",
    { class: "bar", "aria-hidden": "true" },
    hit.matches.map((match) =>
      el("span", {
        class: colourClass(colours, match.term),
        title: `${bare(match.term)} ${weight(match.contribution)}`,
        vars: { "--width": `${((100 * match.contribution) / best).toFixed(2)}%` },
      }),
    ),
  );
}

function whyButton(hit, place, context) {
  const button = el("button", { type: "button", class: "quiet why", "aria-expanded": "false" }, "Why");
  button.setAttribute("aria-label", `Why ${context.heading} was found`);
  button.addEventListener("click", () => {
    const opens = place.hidden;
    if (opens) fill(place, explained(hit, context));
    place.hidden = !opens;
    button.setAttribute("aria-expanded", String(opens));
  });
  return button;
}

/* A list of hits: title, the part of the text that matched most, fields, and what each term gave. */

import { getDocument } from "./api.js";
import { el, fill } from "./dom.js";
import { explained } from "./explaining.js";
import { colourClass } from "./families.js";
import { count, weight } from "./format.js";
import { marked, spansOf, spansOfPassage } from "./highlight.js";
import { PASSAGE } from "./searching.js";
import { current, linkTo } from "./state.js";
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
  const heading = hit.title || hit.id;
  const why = el("div", { class: "why-place", hidden: true });
  const explains = matches.length > 0 || Object.keys(hit.stages ?? {}).length > 0;
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
          { class: "hit-link", href: linkTo({ doc: hit.id, from: collection === current().c ? "" : collection }) },
          marked(heading, spansOf(heading, matches), colours, most),
        ),
        move && el("span", { class: `move move-${move.kind}` }, move.words),
      ),
      passage(hit, matches, colours, most),
      el(
        "div",
        { class: "facts-row" },
        el("div", { class: "facts" }, facts(hit, heading)),
        explains && whyButton(hit, why, { heading, colours, collection }),
      ),
      matches.length > 0 && contributionBar(matches, best, colours),
      why,
    ),
  );
}

/** The part of the text that shows best why it matched. */
function passage({ passages }, matches, colours, most) {
  const best = passages?.[0];
  if (!best?.text.trim()) return null;
  const goes = best.text.length > PASSAGE / 2 && !/[.!?]\s*$/.test(best.text);
  return el(
    "p",
    { class: "snippet" },
    best.start > 0 && "… ",
    marked(best.text, spansOfPassage(best, matches), colours, most),
    goes && " …",
  );
}

/** What the terms gave: of a fused ranking the score is on another scale. */
const total = (hit) => (hit.matches ?? []).reduce((sum, match) => sum + match.contribution, 0);

function facts(hit, heading) {
  const fields = Object.entries(hit.fields ?? {}).filter(([, value]) => isShort(value));
  return [
    hit.id !== heading && el("span", { class: "id" }, hit.id),
    fields
      .slice(0, MOST_FIELDS)
      .map(([name, value]) => [
        el("span", { class: "field" }, el("span", { class: "field-name" }, name), " ", valueText(value)),
      ]),
    hit.score > 0 &&
      el("span", { class: "score" }, el("span", { class: "field-name" }, "score"), " ", weight(hit.score)),
    hit.relevance !== undefined &&
      hit.relevance !== null &&
      el(
        "span",
        { class: "hit-relevance" },
        el("span", { class: "field-name" }, "relevance"),
        " ",
        hit.relevance.toFixed(2),
      ),
  ];
}

const isShort = (value) => value !== null && valueText(value).length <= 80;

export function valueText(value) {
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The score as a bar, in as many parts as terms gave something, those of a family together. The table of `explained`
 *  says the same in numbers. */
function contributionBar(matches, best, colours) {
  const place = ({ term }) => colours.get(term) ?? colours.size;
  return el(
    "div",
    { class: "bar", "aria-hidden": "true" },
    [...matches]
      .sort((one, other) => place(one) - place(other))
      .map((match) =>
        el("span", {
          class: colourClass(colours, match.term),
          title: `${bare(match.term)} ${weight(match.contribution)}`,
          vars: { "--width": `${((100 * match.contribution) / best).toFixed(2)}%` },
        }),
      ),
  );
}

/** Its text is asked for once it is needed: to tell terms that do not stand in it. */
function whyButton(hit, place, { heading, colours, collection }) {
  const button = el("button", { type: "button", class: "quiet why", "aria-expanded": "false" }, "Why");
  button.setAttribute("aria-label", `Why ${heading} was found`);
  button.addEventListener("click", async () => {
    const opens = place.hidden;
    place.hidden = !opens;
    button.setAttribute("aria-expanded", String(opens));
    if (!opens || place.childNodes.length) return;
    try {
      const { title, text } = await getDocument(collection, hit.id);
      fill(place, explained(hit, `${title} ${text}`, colours));
    } catch (error) {
      fill(place, el("p", { class: "problem", role: "alert" }, error.message));
    }
  });
  return button;
}

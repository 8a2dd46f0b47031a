/* Where in a text the matched terms stand, shaded by what they contributed. */

import { el } from "./dom.js";
import { colourClass } from "./families.js";
import { matchesWord } from "./vector.js";

const WORD = /[\p{L}\p{N}]+/gu;

/** The words of a text that matched: {start, stop, term, contribution}, in their order. `term` is the one of them that
 *  contributed most; a word has what all of its terms contributed. */
export function spansOf(text, matches) {
  const known = new Map();
  const spans = [];
  for (const found of text.matchAll(WORD)) {
    const word = found[0].toLowerCase();
    if (!known.has(word)) known.set(word, matchOf(word, matches));
    const match = known.get(word);
    if (match) spans.push({ start: found.index, stop: found.index + found[0].length, ...match });
  }
  return spans;
}

function matchOf(word, matches) {
  const own = matches.filter(({ term }) => matchesWord(term, word));
  // The rest of a word alone ("##ing") says nothing of it.
  const whole = own.filter(({ term }) => !term.startsWith("##"));
  if (!whole.length) return null;
  const best = whole.reduce((one, other) => (other.contribution > one.contribution ? other : one));
  return { term: best.term, contribution: own.reduce((sum, each) => sum + each.contribution, 0) };
}

/** The words that the server has marked in a passage, as spans of it. Those that only begin as a term does are left
 *  out: "particular" for the piece "par".
 */
export function spansOfPassage({ text, words }, matches) {
  const unit = unitsOf(text);
  return words
    .map((word) => {
      const [start, stop] = [unit(word.start), unit(word.end)];
      return {
        start,
        stop,
        term: matchOf(text.slice(start, stop).toLowerCase(), matches)?.term,
        contribution: word.weight,
      };
    })
    .filter((span) => span.term !== undefined);
}

/** The server counts characters; a string here counts some of them twice. */
function unitsOf(text) {
  if (!/[\ud800-\udfff]/.test(text)) return (at) => at;
  const starts = [0];
  for (const character of text) starts.push(starts.at(-1) + character.length);
  return (at) => starts[at];
}

/** A text as text nodes and marks. `most` is the contribution that has the full shade. */
export function marked(text, spans, colours, most) {
  const nodes = [];
  let at = 0;
  for (const span of spans) {
    nodes.push(text.slice(at, span.start));
    const share = most > 0 ? Math.min(1, span.contribution / most) : 0;
    nodes.push(
      el(
        "mark",
        { class: colourClass(colours, span.term), vars: { "--share": share.toFixed(3) } },
        text.slice(span.start, span.stop),
      ),
    );
    at = span.stop;
  }
  nodes.push(text.slice(at));
  return nodes;
}

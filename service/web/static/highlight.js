/* Where in a text the matched terms stand, shaded by what they contributed. */

import { el } from "./dom.js";
import { colourClass } from "./families.js";
import { matchesWord } from "./vector.js";

const SNIPPET = 260;
const WORD = /[\p{L}\p{N}_]+/gu;

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

/** The part of a text in which most was contributed, about as long as two lines: {start, stop}. */
export function bestPart(text, spans, length = SNIPPET) {
  if (text.length <= length) return { start: 0, stop: text.length };
  let best = { score: -1, start: 0 };
  for (let i = 0; i < spans.length; i++) {
    const seen = new Map();
    for (let j = i; j < spans.length && spans[j].stop <= spans[i].start + length * 0.8; j++) {
      seen.set(spans[j].term, spans[j].contribution);
    }
    const score = [...seen.values()].reduce((sum, each) => sum + each, 0);
    if (score > best.score + 1e-9) best = { score, start: spans[i].start };
  }
  let start = Math.max(0, Math.min(best.start - 40, text.length - length));
  let stop = Math.min(text.length, start + length);
  // Whole words, as far as there are spaces.
  if (start > 0) start += Math.max(0, text.slice(start, start + 30).search(/\s/));
  if (stop < text.length) stop -= Math.max(0, [...text.slice(stop - 30, stop)].reverse().findIndex((c) => /\s/.test(c)));
  return { start, stop };
}

/** Text nodes and marks for a part of a text. `most` is the contribution that has the full shade. */
export function marked(text, spans, colours, most, { start, stop } = { start: 0, stop: text.length }) {
  const nodes = [];
  let at = start;
  if (start > 0) nodes.push("… ");
  for (const span of spans) {
    if (span.start < at || span.stop > stop) continue;
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
  nodes.push(text.slice(at, stop));
  if (stop < text.length) nodes.push(" …");
  return nodes;
}

/* A query's terms: what the model made of the text, and what the person made of that. */

/** The terms in their order: {term, weight, usual, on, typed, added}; `usual` is the model's weight, 0 if it gave none.
 *
 *  In `edits` a term has the weight that it was given, a negative one while it is switched off, or null once removed.
 */
export function termsOf(encoded, edits, text) {
  const found = [];
  for (const [term, usual] of Object.entries(encoded)) {
    if (own(edits, term) === null) continue;
    found.push(entry(term, own(edits, term), usual, text));
  }
  for (const [term, given] of Object.entries(edits)) {
    if (!Object.hasOwn(encoded, term) && isWeight(given)) found.push(entry(term, given, 0, text));
  }
  return found;
}

function entry(term, given, usual, text) {
  const weight = isWeight(given) ? given : usual;
  return { term, weight: Math.abs(weight), usual, on: weight > 0, typed: isTyped(term, text), added: !usual };
}

/** The vector to search with: terms that are on, and weigh something. */
export function vectorOf(terms) {
  return Object.fromEntries(terms.filter((each) => each.on && each.weight > 0).map((each) => [each.term, each.weight]));
}

/** The name of a term without what marks it as a word of the collection, or as the rest of a word. */
export const bare = (term) => term.replace(/^(word:|##)/, "");
export const isWord = (term) => term.startsWith("word:");
export const isRest = (term) => term.startsWith("##");

// A term may be called as something that every object has.
const own = (edits, term) => (Object.hasOwn(edits, term) ? edits[term] : undefined);
const isWeight = (value) => typeof value === "number" && Number.isFinite(value) && value !== 0;

/** Whether a term stands in the text, as a word, as the stem of one or as a piece of one. */
export function isTyped(term, text) {
  return words(text).some((word) => matchesWord(term, word));
}

/** Whether a document's term comes from its text. Words always do; of a model's terms, what no word begins with. */
export function standsIn(term, text) {
  if (isWord(term)) return true;
  const name = bare(term);
  const lower = text.toLowerCase();
  if (isRest(term) || !/^[\p{L}\p{N}]/u.test(name)) return lower.includes(name);
  return (lower.match(/[\p{L}\p{N}]+/gu) ?? []).some((word) => word.startsWith(name));
}

const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** Whether a term is a lower-case word, its stem, or a piece of it. Stems end in what stemmers leave of "y" and "e". */
export function matchesWord(term, word) {
  const name = bare(term);
  if (isRest(term)) return word.length > name.length && word.endsWith(name) && name.length > 1;
  if (word === name) return true;
  const stem = isWord(term) ? name.replace(/[iy]$/, "") : name;
  const longest = isWord(term) ? 6 : 4;
  return stem.length > 2 && word.startsWith(stem) && word.length - stem.length <= longest;
}

/* A colour for each family of the query's terms: "date", "dates" and the word "date" are one. */

import { bare, isRest } from "./vector.js";

export const COLOURS = 8;

/** The number of the colour of each term, from 0; terms beyond the eighth family have none, and are grey. */
export function coloursOf(terms) {
  const families = [];
  const colours = new Map();
  for (const { term } of terms) {
    const name = bare(term);
    let family = families.findIndex((each) => !isRest(term) && related(each, name));
    if (family < 0) family = families.push(isRest(term) ? `##${name}` : name) - 1;
    colours.set(term, family < COLOURS ? family : null);
  }
  return colours;
}

function related(one, other) {
  const shorter = one.length < other.length ? one : other;
  const longer = shorter === one ? other : one;
  return shorter.length > 2 && longer.startsWith(shorter);
}

/** The class of a colour. */
export function colourClass(colours, term) {
  const colour = colours.get(term);
  return colour === undefined || colour === null ? "colour-none" : `colour-${colour}`;
}

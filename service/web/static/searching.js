/* Searches: one at a time for each list, the latest one; older answers are cancelled. */

import * as api from "./api.js";
import { expressionOf } from "./expression.js";
import { termsOf, vectorOf } from "./vector.js";

export const PASSAGE = 240; // characters

const DENSE = ["hybrid", "dense", "sparse-first"];

export const usesDense = (mode) => DENSE.includes(mode);
export const isEdited = (state) => Object.keys(state.edits).length > 0;

/** One line of requests, of which only the latest counts. */
export class Latest {
  #controller = null;

  /** Run `work(signal)`, and cancel what was before. What `work` gives, or undefined if something came after it.
   *
   *  A server that warms up is asked again, after `waits(error)`.
   */
  async run(work, waits = () => {}) {
    this.#controller?.abort();
    const controller = (this.#controller = new AbortController());
    while (!controller.signal.aborted) {
      try {
        const found = await work(controller.signal);
        return controller.signal.aborted ? undefined : found;
      } catch (error) {
        if (controller.signal.aborted) return undefined;
        if (!error.warmingUp) throw error;
        waits(error);
        await error.waited();
      }
    }
    return undefined;
  }

  cancel() {
    this.#controller?.abort();
  }
}

const encodings = new Map();

/** The terms of a text as a collection's model has them; {} for no text. Kept for the latest texts. */
export async function encoded(collection, text, signal) {
  if (!text.trim()) return {};
  const name = JSON.stringify([collection, text]);
  if (!encodings.has(name)) {
    const answer = await api.encode(collection, [text], "query", signal);
    encodings.set(name, answer.vectors[0]);
    if (encodings.size > 64) encodings.delete(encodings.keys().next().value);
  }
  return encodings.get(name);
}

/** Search a collection in a mode as the state says: {answer, sparseOnly, least}, or null where there is nothing to
 *  search by. `calibrated(collection, mode)` says whether hits have a relevance, of which `least` was asked for.
 *
 *  Terms that the person changed are searched as a vector. With it goes no text, so that the dense side has none.
 */
export async function found(state, collection, mode, calibrated, signal) {
  const query = await queryOf(state, collection, signal);
  if (!query) return null;
  const sparseOnly = Boolean(query.vector) && usesDense(mode);
  const how = mode && !sparseOnly ? { mode } : {};
  const filter = expressionOf(state.filter, state.picks);
  const listing = !query.text && !query.vector;
  const least = !listing && calibrated(collection, sparseOnly ? "" : mode) ? state.least : 0;
  const asked = {
    ...query,
    ...how,
    k: state.k,
    explain: true,
    highlight: { size: PASSAGE },
    include_text: false,
    ...(filter && { filter }),
    ...(listing && { count: true }),
    ...(least && { min_relevance: least }),
  };
  return { answer: await api.search(collection, asked, signal), sparseOnly, least };
}

/** How many of the documents that match have each value of the fields, {facets, total}: the facets by field, and how
 *  many match.
 *
 *  A field of which values are picked is counted as if none were, so that others can be added. `calibrated`: whether a
 *  sparse search has relevance, by which these are counted.
 */
export async function facets(state, collection, fields, calibrated, signal) {
  const query = await queryOf(state, collection, signal);
  if (!query || !fields.length) return { facets: {}, total: null };
  const least = calibrated && (query.text || query.vector) ? state.least : 0;
  const picked = fields.filter((field) => state.picks[field]?.values?.length);
  const groups = [
    [fields.filter((field) => !picked.includes(field)), null],
    ...picked.map((field) => [[field], field]),
  ];
  const answers = await Promise.all(
    groups
      .filter(([names]) => names.length)
      .map(([names, without]) => {
        const filter = expressionOf(state.filter, state.picks, without);
        const sizes = Object.fromEntries(names.map((name) => [name, 8]));
        const asked = {
          ...query,
          k: 1,
          facets: sizes,
          include_text: false,
          fields: [],
          ...(filter && { filter }),
          ...(least && { min_relevance: least }),
        };
        return api.search(collection, asked, signal);
      }),
  );
  const total = groups[0][0].length ? answers[0].total : null;
  return { facets: Object.assign({}, ...answers.map((answer) => answer.facets)), total };
}

async function queryOf(state, collection, signal) {
  if (!isEdited(state)) return state.q.trim() ? { text: state.q } : {};
  const vector = vectorOf(termsOf(await encoded(collection, state.q, signal), state.edits, state.q));
  return Object.keys(vector).length ? { vector } : null;
}

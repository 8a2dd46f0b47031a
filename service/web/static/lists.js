/* The list of hits, and a second one beside it. */

import { byId, el, fill } from "./dom.js";
import { coloursOf } from "./families.js";
import { counted, milliseconds } from "./format.js";
import { hitItems } from "./hits.js";
import { modeName, workOf } from "./modes.js";
import { movesOf, shared } from "./moves.js";
import { found, isEdited, Latest, usesDense } from "./searching.js";
import { showMistake } from "./filters_panel.js";
import { linkTo, update } from "./state.js";

const sides = ["first", "second"].map((name) => ({ name, latest: new Latest(), result: null }));

/** Search as the state says, and show each list as it comes. Resolves when all have come, to whether the first has hits
 *  to show. `calibrated(collection, mode)` says whether hits have a relevance.
 */
export async function searchLists(state, colours, calibrated) {
  const wanted = [[state.c, state.mode], ...(state.beside ? [[state.c2 || state.c, state.mode2]] : [])];
  byId("lists").setAttribute("aria-busy", "true");
  if (!state.beside) {
    sides[1].latest.cancel();
    sides[1].result = null;
  }
  const shown = await Promise.all(
    wanted.map(([collection, mode], i) => searchSide(sides[i], state, collection, mode, colours, calibrated)),
  );
  if (shown[0] !== undefined) {
    byId("lists").setAttribute("aria-busy", "false");
    announce(state);
  }
  return shown[0];
}

async function searchSide(side, state, collection, mode, colours, calibrated) {
  try {
    const result = await side.latest.run(
      (signal) => found(state, collection, mode, calibrated, signal),
      (error) => problem(side, error),
    );
    if (result === undefined) return undefined;
    side.result = { answer: result?.answer, collection, mode, least: result?.least ?? 0 };
    byId(`hits-${side.name}`).dataset.of = state.q;
    problem(side, null);
  } catch (error) {
    // While a filter is being typed, the hits of before stay.
    if (!error.of?.("filter")) side.result = null;
    problem(side, error);
    draw(state, colours());
    return false;
  }
  draw(state, colours());
  return Boolean(side.result.answer);
}

/** A mistake in the filter is told at the filter, everything else above the list. */
function problem(side, error) {
  const place = byId(`problem-${side.name}`);
  const filter = error?.of?.("filter") ?? "";
  if (side.name === "first") showMistake(filter);
  place.hidden = !error || Boolean(filter && side.name === "first");
  place.textContent = error?.message ?? "";
}

/** Draw the lists again: after an answer, or when the query's terms, and so their colours, are known. */
export function draw(state, terms) {
  const colours = coloursOf(terms);
  const [first, second] = sides.map((side) => side.result?.answer?.hits ?? []);
  const both = state.beside && sides.every((side) => side.result?.answer);
  byId("second").hidden = !state.beside;
  byId("lists").classList.toggle("two", state.beside);
  byId("first-name").hidden = !state.beside;
  byId("first-name").textContent = `${state.c} · ${modeName(state.mode)}`;
  byId("beside-note").hidden = !both || !(first.length || second.length);
  if (both) byId("beside-note").textContent = comparison(first, second);
  for (const [i, side] of sides.entries()) {
    const { answer } = side.result ?? {};
    const empty = answer && !answer.hits.length;
    fill(byId(`work-${side.name}`), answer && workOf(answer), empty && nothing(state, side.result));
    // What a person has opened or focused in the hits stays as long as they do.
    const shows = [answer, both && sides[1 - i].result.answer, JSON.stringify([...colours])];
    if (side.shows?.every((each, at) => each === shows[at])) continue;
    side.shows = shows;
    const moves = both ? (i ? movesOf(second, first, false) : movesOf(first, second, true)) : null;
    const collection = side.result?.collection;
    keepingFocus(byId(`hits-${side.name}`), (list) =>
      fill(list, answer ? hitItems(answer, { colours, collection, moves }) : []),
    );
  }
  const full = first.length >= state.k;
  byId("more").hidden = !full;
}

/** Say how many match, once that has been counted; a dense side counts otherwise. */
export function showTotal(state, total, terms) {
  const answer = sides[0].result?.answer;
  if (!answer || usesDense(answer.mode)) return;
  answer.total = total;
  draw(state, terms);
  announce(state);
}

/** Draw a list, and give the focus back to the hit that had it. */
function keepingFocus(list, drawn) {
  const focused = list.contains(document.activeElement) ? document.activeElement.closest(".hit").dataset.id : null;
  drawn(list);
  if (focused === null) return;
  const hit = [...list.children].find((each) => each.dataset.id === focused) ?? list.firstElementChild;
  hit?.querySelector(".hit-link").focus();
}

/** What may be done where there are no hits. */
function nothing(state, { collection, least }) {
  if (least) {
    const all = () => update({ least: 0 }, { push: true });
    return el(
      "p",
      { class: "nothing" },
      `Nothing has a relevance of ${least} or more. `,
      el("button", { type: "button", class: "quiet", onclick: all }, "Show the others"),
    );
  }
  if (state.filter.trim() || Object.keys(state.picks).length) {
    const clear = () => update({ filter: "", picks: {} }, { push: true });
    return el(
      "p",
      { class: "nothing" },
      "Nothing that the filters let through fits. ",
      el("button", { type: "button", class: "quiet", onclick: clear }, "Clear the filters"),
    );
  }
  if (state.q.trim() || isEdited(state)) return el("p", { class: "nothing" }, "No document has any of these terms.");
  const add = el("a", { href: linkTo({ view: "collection", c: collection }) }, "Add some");
  return el("p", { class: "nothing" }, "There are no documents here yet. ", add);
}

function comparison(first, second) {
  const most = Math.max(first.length, second.length);
  return `${shared(first, second)} of ${counted(most, "hit")} are in both lists`;
}

function announce(state) {
  const answer = sides[0].result?.answer;
  const live = byId("live");
  if (!answer) live.textContent = sides[0].result === null && isEdited(state) ? "No terms to search for" : "";
  else {
    const total =
      answer.total &&
      (answer.total.relation === "exact" ? `of ${answer.total.value}` : `of at least ${answer.total.value}`);
    live.textContent = [counted(answer.hits.length, "hit"), total, "in", milliseconds(answer.timings.total_ms)]
      .filter(Boolean)
      .join(" ");
  }
}

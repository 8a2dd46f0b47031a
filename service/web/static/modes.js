/* How to search: the modes that a collection offers, and what a search did and how long that took. */

import { el, fill } from "./dom.js";
import { count, counted, milliseconds } from "./format.js";
import { update } from "./state.js";

const ABOUT = {
  "": "the index chooses",
  exact: "the true best, skipping what cannot be among them",
  approximate: "skips more, and may miss some of the best",
  exhaustive: "scores every document that shares a term",
  seismic: "candidates of summaries of blocks",
  bmp: "blocks in the order of their bounds",
  hybrid: "terms and dense vectors, fused",
  dense: "dense vectors alone",
  "sparse-first": "dense vectors of what terms find",
};

/** The modes of a collection: "" is the server's choice. */
export function modesOf(description) {
  const sparse = description.modes.length ? description.modes : ["exact"];
  return ["", ...sparse, ...(description.dense ? ["hybrid", "dense", "sparse-first"] : [])];
}

export const modeName = (mode) => mode || "auto";

/** A group of radio buttons, one for each mode. */
export function showModes(place, modes, chosen, { name, key }) {
  if (place.dataset.modes !== modes.join()) {
    place.dataset.modes = modes.join();
    fill(
      place,
      modes.map((mode) =>
        el(
          "label",
          { class: "mode", title: ABOUT[mode] },
          el("input", { type: "radio", name, value: mode, onchange: () => update({ [key]: mode }, { push: true }) }),
          el("span", {}, modeName(mode)),
        ),
      ),
    );
  }
  for (const input of place.querySelectorAll("input")) input.checked = input.value === chosen;
}

const NAMES = { queue: "waiting" };

/** What a search did: how many match, what took how long, and what was left out. */
export function workOf(answer) {
  const { timings, stats, dense_stats: dense, total } = answer;
  const stages = Object.entries({ queue: timings.queue_ms, ...timings.stages_ms }).filter(([, time]) => time > 0);
  const sum = stages.reduce((all, [, time]) => all + time, 0);
  return el(
    "div",
    { class: "work" },
    el(
      "p",
      {},
      total &&
        el(
          "span",
          { class: "total" },
          total.relation === "exact"
            ? counted(total.value, "match", "matches")
            : `at least ${counted(total.value, "match", "matches")}`,
        ),
      el("span", {}, `${milliseconds(timings.total_ms)} in mode ${answer.mode}`),
      timings.cached && el("span", {}, "kept from an earlier search"),
      stats &&
        stats.blocks > 0 &&
        el("span", {}, `${count(stats.blocks_skipped)} of ${counted(stats.blocks, "block")} skipped`),
      stats && el("span", {}, `${counted(stats.documents_scored, "document")} scored`),
      dense && el("span", {}, `${counted(dense.scored, "dense vector")} scored`),
    ),
    sum > 0 &&
      el(
        "ol",
        { class: "stages", "aria-label": "Time by stage" },
        stages.map(([name, time]) =>
          el(
            "li",
            { vars: { "--width": (time / sum).toFixed(4) } },
            el("span", { class: "stage-bar", "aria-hidden": "true" }),
            el("span", { class: "stage-name" }, NAMES[name] ?? name),
            " ",
            milliseconds(time),
          ),
        ),
      ),
  );
}

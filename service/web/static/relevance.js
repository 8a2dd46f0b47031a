/* Relevance: what scores say of it in a collection that was calibrated, and the least that hits are to have. */

import { byId } from "./dom.js";
import { usesDense } from "./searching.js";
import { current, update } from "./state.js";

/** Whether hits of a search in this mode have a relevance. */
export const isCalibrated = (about, mode) =>
  (about.calibrated ?? []).some((each) => each.plain && each.mode === (usesDense(mode) ? mode : "sparse"));

/** Show the control where hits have a relevance. */
export function showRelevance(state, about) {
  byId("relevance-box").hidden = !isCalibrated(about, state.mode);
  const input = byId("relevance");
  if (input !== document.activeElement) input.value = state.least || "";
}

export function startRelevance() {
  byId("relevance").addEventListener("input", (event) => {
    const least = Math.min(1, Math.max(0, event.target.valueAsNumber || 0));
    if (least !== current().least) update({ least, k: 10 });
  });
}

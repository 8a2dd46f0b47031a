/* The keyboard: `/` to the search, arrows between hits. Enter follows a hit's link, and Escape closes a dialog, by
   themselves. */

import { byId } from "./dom.js";

export function startKeyboard() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const input = byId("q");
    if (event.key === "/" && !isTyping(event.target)) {
      event.preventDefault();
      input.focus();
      input.select();
    } else if (event.key === "Enter" && event.target === input) {
      document.querySelector(".hit-link")?.focus();
    } else if (event.key === "Escape" && event.target.closest?.(".hit")) {
      input.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (move(event.target, event.key === "ArrowDown" ? 1 : -1, input)) event.preventDefault();
    }
  });
}

const isTyping = (target) =>
  target.matches?.("input:not([type=range], [type=checkbox], [type=radio]), textarea, select");

/** Go from the search to the first hit, and from hit to hit of a list; whether there was somewhere to go. */
function move(from, step, input) {
  if (from === input) {
    const first = step > 0 && document.querySelector(".hit-link");
    first && first.focus();
    return Boolean(first);
  }
  const list = from.closest?.(".hits");
  if (!list || isTyping(from)) return false;
  const links = [...list.querySelectorAll(".hit-link")];
  const at = links.indexOf(from.closest(".hit")?.querySelector(".hit-link"));
  const next = links[at + step] ?? (step < 0 ? input : null);
  next?.focus();
  return Boolean(next);
}

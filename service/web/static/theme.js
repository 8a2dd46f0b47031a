/* Light or dark: as the system says, until the person says otherwise. */

import { byId } from "./dom.js";

const NAME = "lsr-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export function startTheme() {
  const button = byId("theme");
  show(localStorage.getItem(NAME) ?? system());
  button.addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    // The system's own choice needs no memory, and is followed again.
    if (next === system()) localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, next);
    show(next);
  });
  dark.addEventListener("change", () => localStorage.getItem(NAME) ?? show(system()));

  function show(theme) {
    document.documentElement.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use ${theme === "dark" ? "light" : "dark"} colours`);
  }
}

const system = () => (dark.matches ? "dark" : "light");

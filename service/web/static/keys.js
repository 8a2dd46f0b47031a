/* The key that the server asks for: kept until the tab is closed, and sent to this server alone. */

import { byId } from "./dom.js";

const NAME = "lsr-key";
let asking = null;

export const key = () => sessionStorage.getItem(NAME) ?? "";

function setKey(value) {
  if (value) sessionStorage.setItem(NAME, value);
  else sessionStorage.removeItem(NAME);
}

/** Ask the person for a key, once however many requests need one: true if one was given. */
export function askForKey(reason = "") {
  asking ??= ask(reason).finally(() => (asking = null));
  return asking;
}

function ask(reason) {
  const dialog = byId("key-dialog");
  const input = byId("key");
  byId("key-reason").textContent = reason;
  input.value = "";
  let given = false;
  dialog.querySelector("form").onsubmit = ({ submitter }) => {
    given = submitter.value === "use";
    if (given) setKey(input.value.trim());
    if (submitter.value === "forget") setKey("");
  };
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        input.value = "";
        resolve(given);
      },
      { once: true },
    );
  });
}

/* A collection: what it is, what it takes, what is in it, and adding to it; and which others there are. */

import * as api from "./api.js";
import { addingBox } from "./adding.js";
import { byId, el, fill } from "./dom.js";
import { bytes, count } from "./format.js";
import { linkTo } from "./state.js";
import { statsSections } from "./stats.js";

/** Show the collection of the state, in its view; `changed` is called once documents were added. */
export async function showCollection(state, known, changed) {
  const place = byId("collection-view");
  if (state.view !== "collection") return fill(place);
  const about = known.descriptions.get(state.c);
  const stats = el("div", { class: "stats" });
  const adding = place.querySelector(".drop");
  fill(
    place,
    about && facts(about),
    section("Add documents", adding?.dataset.collection === state.c ? adding : boxFor(state.c, changed)),
    stats,
    section("Collections", table(known.collections, state.c)),
  );
  try {
    const found = await api.stats(state.c);
    fill(stats, statsSections(found));
  } catch (error) {
    fill(stats, el("p", { class: "problem", role: "alert" }, error.message));
  }
}

/** It is kept while it is shown, so that what it says of an upload stays. */
function boxFor(collection, changed) {
  const box = addingBox(collection, changed);
  box.dataset.collection = collection;
  return box;
}

function section(name, ...children) {
  const id = `section-${name.replaceAll(" ", "-").toLowerCase()}`;
  return el("section", { class: "box", "aria-labelledby": id }, el("h2", { id }, name), children);
}

function facts(about) {
  const rows = [
    ["Documents", count(about.documents)],
    ["Model", about.model ?? "none"],
    ["Dense vectors", about.dense ?? "none"],
    about.bytes !== null && ["On disk", bytes(about.bytes)],
    about.created && [
      "Created",
      new Date(about.created).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }),
    ],
    about.aliases.length > 0 && ["Aliases", about.aliases.join(", ")],
    Object.keys(about.fields).length > 0 && [
      "Fields",
      Object.entries(about.fields).map(([name, type]) =>
        el("span", { class: "field" }, el("code", {}, name), " ", el("span", { class: "field-name" }, type), " "),
      ),
    ],
  ];
  return section(
    about.name,
    el(
      "dl",
      { class: "facts-list" },
      rows.filter(Boolean).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    ),
  );
}

function table(collections, here) {
  return el(
    "div",
    { class: "scrolling", tabindex: 0, role: "group", "aria-label": "Collections" },
    el(
      "table",
      { class: "numbers" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["Name", "Documents", "Model", "Dense"].map((name) => el("th", { scope: "col" }, name)),
        ),
      ),
      el(
        "tbody",
        {},
        collections.map((each) =>
          el(
            "tr",
            {},
            el(
              "th",
              { scope: "row" },
              el(
                "a",
                {
                  href: linkTo({ c: each.name, mode: "", filter: "", picks: {}, edits: {} }),
                  "aria-current": each.name === here ? "true" : null,
                },
                each.name,
              ),
            ),
            el("td", {}, each.documents === null ? (each.problem ?? "cannot be read") : count(each.documents)),
            el("td", {}, each.model ?? ""),
            el("td", {}, each.dense ?? ""),
          ),
        ),
      ),
    ),
  );
}

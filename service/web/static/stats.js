/* What a collection is made of: segments, space, lengths of documents, weights of terms, and the commonest terms. */

import { el } from "./dom.js";
import { termName } from "./explaining.js";
import { bytes, compact, count, counted, percent, weight } from "./format.js";
import { linkTo } from "./state.js";
import { bare } from "./vector.js";

const MOST_TERMS = 60;

/** Sections for the answer of the endpoint `stats`. */
export function statsSections(stats) {
  return [
    section("Documents", live(stats), segments(stats)),
    section(
      "Lengths and weights",
      el("p", { class: "quiet-note" }, sampled(stats)),
      el(
        "div",
        { class: "charts" },
        histogram("Terms of a document", stats.lengths, (low) => count(Math.round(low))),
        histogram("Weights of terms", stats.weights, weight),
      ),
    ),
    section("Most frequent terms", frequent(stats)),
    section("Space", space(stats.bytes)),
  ];
}

function sampled({ sampled: documents, saturated }) {
  const share = saturated ? `${percent(saturated)} of the weights are` : "No weight is";
  return `Of ${counted(documents, "document")}, spread evenly. ${share} stored as the heaviest that there is.`;
}

function section(name, ...children) {
  const id = `stats-${name.replaceAll(" ", "-").toLowerCase()}`;
  return el("section", { class: "box", "aria-labelledby": id }, el("h2", { id }, name), children);
}

function live({ documents, deleted, in_memory: memory, writing }) {
  const parts = [`${counted(documents, "document")} live`];
  parts.push(
    deleted ? `${counted(deleted, "row")} deleted and not merged away` : "nothing deleted that is not merged away",
  );
  if (memory) parts.push(`${counted(memory, "row")} in memory, in no segment yet`);
  if (writing) parts.push("open for writing");
  return el("p", { class: "quiet-note" }, parts.join(" · "));
}

function segments({ segments: all }) {
  if (!all.length) return null;
  return table(
    "Segments",
    ["Segment", "Rows", "Deleted", "Postings"],
    all.map((each) => [each.name, share(each.documents, each.deleted), count(each.deleted), count(each.postings)]),
  );
}

/** How many rows, and which part of them lives. */
function share(rows, deleted) {
  const width = rows ? `${((100 * (rows - deleted)) / rows).toFixed(1)}%` : "0%";
  return [count(rows), el("span", { class: "track colour-2", "aria-hidden": "true", vars: { "--width": width } })];
}

function space(parts) {
  const { total, ...rest } = parts;
  const rows = Object.entries(rest)
    .filter(([, size]) => size > 0)
    .sort(([, one], [, other]) => other - one);
  const most = Math.max(1, ...rows.map(([, size]) => size));
  const lines = rows.map(([name, size]) => [
    name,
    [
      bytes(size),
      el("span", {
        class: "track colour-0",
        "aria-hidden": "true",
        vars: { "--width": `${((100 * size) / most).toFixed(1)}%` },
      }),
    ],
  ]);
  return table("Space on disk", ["Part", "Bytes"], [...lines, ["in all", bytes(total)]]);
}

function table(name, heads, rows) {
  return el(
    "div",
    { class: "scrolling", tabindex: 0, role: "group", "aria-label": name },
    el(
      "table",
      { class: "numbers" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          heads.map((head) => el("th", { scope: "col" }, head)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map(([first, ...others]) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, first),
            others.map((cell) => el("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
}

function histogram(name, bars, shown) {
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const tallest = bars.findIndex((bar) => bar.count === most);
  const range = (i) =>
    i + 1 < bars.length ? `${shown(bars[i].low)} to ${shown(bars[i + 1].low)}` : `${shown(bars[i].low)} and more`;
  const label = tallest < 0 ? `${name}: nothing` : `${name}: most often ${range(tallest)}`;
  return el(
    "figure",
    { class: "chart" },
    el("figcaption", {}, name),
    el(
      "div",
      { class: "histogram", role: "img", "aria-label": label },
      bars.map((bar, i) =>
        el("span", { title: `${range(i)}: ${count(bar.count)}`, vars: { "--share": (bar.count / most).toFixed(4) } }),
      ),
    ),
    bars.length > 0 &&
      el(
        "div",
        { class: "axis", "aria-hidden": "true" },
        [0, bars.length >> 1, bars.length - 1].map((i) => el("span", {}, shown(bars[i].low))),
      ),
  );
}

function frequent({ frequent_terms: terms, documents }) {
  if (!terms.length) return el("p", { class: "quiet-note" }, "None yet.");
  const most = terms[0].documents;
  return el(
    "ol",
    { class: "frequent" },
    terms
      .slice(0, MOST_TERMS)
      .map(({ term, documents: own }) =>
        el(
          "li",
          { vars: { "--share": (own / most).toFixed(4) } },
          el("a", { href: linkTo({ view: "", q: bare(term), edits: {}, picks: {}, filter: "" }) }, termName(term)),
          el(
            "span",
            { class: "term-weight", title: `${count(own)} of ${counted(documents, "document")}` },
            compact(own),
          ),
        ),
      ),
  );
}

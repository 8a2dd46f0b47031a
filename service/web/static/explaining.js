/* Why a document scores what it scores: by term, and by stage. */

import { el } from "./dom.js";
import { colourClass } from "./families.js";
import { percent, weight } from "./format.js";
import { bare, isRest, isWord, standsIn } from "./vector.js";

const STAGES = { sparse: "Sparse", dense: "Dense", rerank: "Re-ranked" };

/** A table of the terms of a hit, and one of its stages if there were several. `contents` is the document's text. */
export function explained(hit, contents, colours) {
  const matches = hit.matches ?? [];
  const stages = Object.entries(hit.stages ?? {});
  return [matches.length > 0 && termTable(matches, contents, colours), stages.length > 0 && stageTable(stages)];
}

function termTable(matches, contents, colours) {
  const sum = matches.reduce((all, match) => all + match.contribution, 0);
  const most = Math.max(...matches.map((match) => match.contribution));
  return el(
    "table",
    { class: "numbers" },
    el("caption", {}, "query weight × document weight = contribution"),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ["Term", "Query", "Document", "Contribution"].map((name) => el("th", { scope: "col" }, name)),
      ),
    ),
    el(
      "tbody",
      {},
      matches.map((match) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, termName(match.term), !standsIn(match.term, contents) && expansionNote()),
          el("td", {}, weight(match.query_weight)),
          el("td", {}, el("span", { class: "sign" }, "× "), weight(match.document_weight)),
          el(
            "td",
            { class: "with-bar" },
            el("span", { class: "sign" }, "= "),
            weight(match.contribution),
            el("span", {
              class: `track ${colourClass(colours, match.term)}`,
              "aria-hidden": "true",
              vars: { "--width": `${((100 * match.contribution) / most).toFixed(1)}%` },
            }),
          ),
        ),
      ),
    ),
    el("tfoot", {}, el("tr", {}, el("th", { scope: "row", colspan: 3 }, "Sum"), el("td", {}, weight(sum)))),
  );
}

const expansionNote = () =>
  el(
    "span",
    { class: "tag", title: "The model gave the document this term; it does not stand in the text." },
    "not in the text",
  );

/** A term as people read it, with what kind of term it is. */
export function termName(term) {
  const kind = isWord(term) ? "word" : isRest(term) ? "piece" : "";
  return [
    el("span", { class: "term-name" }, isRest(term) ? `…${bare(term)}` : bare(term)),
    kind && el("span", { class: "tag" }, kind),
  ];
}

function stageTable(stages) {
  const parts = stages.filter(([, stage]) => stage.contribution !== null);
  const sum = parts.reduce((all, [, stage]) => all + stage.contribution, 0);
  const dash = el("span", { "aria-label": "none" }, "–");
  return el(
    "table",
    { class: "numbers" },
    el("caption", {}, "what each stage gave"),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ["Stage", "Score", "Rank", "Part of the score"].map((name) => el("th", { scope: "col" }, name)),
      ),
    ),
    el(
      "tbody",
      {},
      stages.map(([name, stage]) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, STAGES[name] ?? name),
          el("td", {}, stage.score === null ? dash.cloneNode(true) : weight(stage.score)),
          el("td", {}, stage.rank === null ? dash.cloneNode(true) : String(stage.rank)),
          el(
            "td",
            { class: "with-bar" },
            stage.contribution === null
              ? dash.cloneNode(true)
              : [
                  weight(stage.contribution),
                  sum > 0 && ` (${percent(stage.contribution / sum)})`,
                  el("span", {
                    class: "track colour-none",
                    "aria-hidden": "true",
                    vars: { "--width": `${sum > 0 ? ((100 * stage.contribution) / sum).toFixed(1) : 0}%` },
                  }),
                ],
          ),
        ),
      ),
    ),
  );
}

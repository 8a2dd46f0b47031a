/* Adding documents: files are dropped or chosen, and sent in batches. */

import * as api from "./api.js";
import { el, fill } from "./dom.js";
import { counted } from "./format.js";
import { documentsOf, ENDINGS } from "./reading.js";

const MOST_LINES = 500;
const MOST_CHARACTERS = 300_000; // at most four bytes each, and a body may have a megabyte
const MOST_ERRORS = 50;

/** A place for files; `added` is called once documents were written to the collection. */
export function addingBox(collection, added) {
  const input = el("input", { type: "file", id: "files", multiple: true, accept: ENDINGS, class: "visually-hidden" });
  const progress = el("p", { class: "progress", role: "status" });
  const bar = el("progress", { "aria-label": "Documents sent", hidden: true, max: 1 });
  const errors = el("ul", { class: "errors" });
  const box = el(
    "div",
    { class: "drop" },
    el("p", {}, el("label", { for: "files", class: "choose" }, "Choose files"), " or drop them here"),
    el(
      "p",
      { class: "quiet-note" },
      "Lines of JSON, JSON, Markdown and text. A document of an id that is there takes its place.",
    ),
    input,
    bar,
    progress,
    errors,
  );

  async function send(files) {
    fill(errors);
    bar.hidden = false;
    const sending = new Sending(
      collection,
      (state) => {
        bar.value = state.share;
        progress.textContent = told(state);
      },
      (message) => errors.children.length < MOST_ERRORS && errors.append(el("li", {}, message)),
    );
    input.disabled = true;
    await sending.all([...files]);
    input.disabled = false;
    input.value = "";
    bar.hidden = true;
    if (sending.state.written) added();
  }

  input.addEventListener("change", () => input.files.length && send(input.files));
  box.addEventListener("dragover", (event) => (event.preventDefault(), box.classList.add("over")));
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    if (event.dataTransfer.files.length && !input.disabled) send(event.dataTransfer.files);
  });
  return box;
}

function told({ created, replaced, failed, done }) {
  const parts = [`${counted(created, "document")} added`, `${replaced} replaced`];
  if (failed) parts.push(`${counted(failed, "error")}`);
  return `${parts.join(", ")}${done ? "" : " …"}`;
}

/** Files on their way: `state` has what was written and what was not. */
class Sending {
  constructor(collection, progress, failed) {
    Object.assign(this, { collection, progress, failed });
    this.state = { created: 0, replaced: 0, failed: 0, written: 0, share: 0, done: false };
  }

  async all(files) {
    const size = files.reduce((sum, file) => sum + file.size, 0) || 1;
    let before = 0;
    for (const file of files) {
      try {
        await this.#file(file);
      } catch (error) {
        this.#error(error.message);
      }
      before += file.size;
      this.state.share = before / size;
      this.progress(this.state);
    }
    this.state.done = true;
    this.progress(this.state);
  }

  async #file(file) {
    let batch = [];
    let characters = 0;
    for await (const document of documentsOf(file)) {
      if (batch.length && (batch.length >= MOST_LINES || characters + document.line.length > MOST_CHARACTERS)) {
        await this.#batch(batch);
        [batch, characters] = [[], 0];
      }
      batch.push(document);
      characters += document.line.length;
    }
    if (batch.length) await this.#batch(batch);
  }

  async #batch(batch) {
    const answer = await api.put(
      this.collection,
      batch.map((each) => each.line),
    );
    this.state.created += answer.created;
    this.state.replaced += answer.replaced;
    this.state.written += answer.created + answer.replaced;
    for (const [i, result] of answer.results.entries()) {
      if (result.status === "error") this.#error(`${batch[i]?.where ?? result.id}: ${result.error}`);
    }
    this.progress(this.state);
  }

  #error(message) {
    this.state.failed += 1;
    this.failed(message);
  }
}

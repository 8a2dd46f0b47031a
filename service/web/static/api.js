/* The server's endpoints, by paths relative to the page, which may lie below any prefix. */

import { askForKey, key } from "./keys.js";

const ASKED = "This server asks for a key: whoever runs it can give you one.";
const BASE = new URL("v1/", document.baseURI);

/** An answer that is an error: what its problem document says. */
export class Problem extends Error {
  constructor(status, detail, { type = "", errors = [], retryAfter = 0 } = {}) {
    super(detail);
    this.status = status;
    this.warmingUp = type.endsWith(":not-ready");
    this.errors = errors;
    this.retryAfter = retryAfter;
  }

  /** Wait for as long as the server asks for before the next try. */
  waited() {
    return new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(1, this.retryAfter)));
  }

  /** What is said of one field of the request; "" if nothing is. */
  of(field) {
    return this.errors.find((error) => (error.pointer ?? "").split("/")[1] === field)?.detail ?? "";
  }
}

/** The parts of a path, each within its slashes. */
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

const about = (collection, ...rest) => path("collections", collection, ...rest);

export const collections = () => call("collections");
export const describe = (collection) => call(about(collection));
export const search = (collection, asked, signal) => post(about(collection, "search"), asked, signal);
export const encode = (collection, texts, kind, signal) => post(about(collection, "encode"), { texts, kind }, signal);
export const getDocument = (collection, id, signal) => call(about(collection, "documents", id), { signal });
export const terms = (collection, id, signal) => call(about(collection, "terms", id), { signal });
export const stats = (collection) => call(about(collection, "stats"));

/** Put documents, as lines of JSON; the answer has a result for each. */
export function put(collection, lines) {
  return call(`${about(collection, "documents")}?wait=true`, {
    method: "POST",
    body: lines.join("\n") + "\n",
    headers: { "Content-Type": "application/x-ndjson" },
  });
}

function post(where, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return call(where, { method: "POST", body: JSON.stringify(body), headers, signal });
}

/** What the server answers. Problem for an error; where a key is missing or wrong, after the person gave none. */
async function call(where, options = {}) {
  for (;;) {
    const used = key();
    const headers = { ...options.headers, ...(used && { Authorization: `Bearer ${used}` }) };
    let response;
    try {
      response = await fetch(new URL(where, BASE), { cache: "no-cache", ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "the server cannot be reached");
    }
    const body = await response.json().catch(() => ({}));
    if (response.ok) return body;
    const retryAfter = Number(response.headers.get("Retry-After")) || 0;
    const problem = new Problem(response.status, body.detail ?? response.statusText, { ...body, retryAfter });
    // Another request may have asked for the key meanwhile.
    const again = response.status === 401 && (key() !== used || (await askForKey(used ? problem.message : ASKED)));
    if (!again) throw problem;
  }
}

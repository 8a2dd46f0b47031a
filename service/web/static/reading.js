/* Files as documents, read in the browser: lines of JSON, JSON, Markdown and plain text. */

export const ENDINGS = ".ndjson,.jsonl,.json,.md,.markdown,.txt";

/** The documents of a file, one at a time: {line, where}, a line of JSON and what to call it in a message.
 *
 *  Lines of JSON are passed on as they are, and read as they come: the file may be larger than memory. Error for a
 *  file of another kind, and for one that cannot be read.
 */
export async function* documentsOf(file) {
  const ending = file.name.toLowerCase().split(".").pop();
  if (ending === "ndjson" || ending === "jsonl") yield* lines(file);
  else if (ending === "json") yield* records(file);
  else if (["md", "markdown", "txt"].includes(ending)) yield page(file.name, await file.text());
  else throw new Error(`${file.name}: not one of ${ENDINGS.replaceAll(",", ", ")}`);
}

async function* lines(file) {
  let rest = "";
  let number = 0;
  const one = (line) => ({ line, where: `${file.name}, line ${number}` });
  for await (const chunk of chunks(file.stream().pipeThrough(new TextDecoderStream()))) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop();
    for (const line of parts) {
      number += 1;
      if (line.trim()) yield one(line.trim());
    }
  }
  number += 1;
  if (rest.trim()) yield one(rest.trim());
}

// Not every browser can iterate over a stream.
async function* chunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

async function* records(file) {
  let read;
  try {
    read = JSON.parse(await file.text());
  } catch (error) {
    throw new Error(`${file.name}: not JSON (${error.message})`);
  }
  const all = Array.isArray(read) ? read : [read];
  for (const [i, record] of all.entries())
    yield { line: JSON.stringify(record), where: `${file.name}, document ${i + 1}` };
}

function page(name, text) {
  const heading = /\.txt$/i.test(name) ? null : text.match(/^#\s+(.+)$/m);
  const title = heading ? heading[1].trim() : name.replace(/\.[^.]+$/, "");
  return { line: JSON.stringify({ id: name, title, text }), where: name };
}

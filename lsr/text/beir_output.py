"""Writing a folder as BEIR has them: corpus.jsonl, and, where they are given, queries.jsonl and qrels/SPLIT.tsv."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.core.files import atomic_folder

# Names that a line of corpus.jsonl has of its own.
_OWN = ("_id", "title", "text")


def write_beir(
    folder: str | Path,
    documents: Iterable[Document],
    *,
    queries: Iterable[Query] = (),
    qrels: Mapping[str, Mapping[str, int]] | None = None,
    split: str = "test",
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> tuple[int, int, int]:
    """Write documents, queries and judgements as a BEIR folder, which appears whole or not at all.

    Fields stand beside `_id`, `title` and `text`; `open_corpus` reads all of it back as it was. A tab cannot be part
    of an id in qrels, nor can the end of a line.

    Args:
        split: what the file of judgements is called.
        force: replace what is at `folder`.
        progress: called with the number of documents just written.

    Returns:
        How many documents, queries and judgements were written.

    Raises:
        InputError: for documents of which none has a text, a field that is called as the id, the title or the text is,
            an id that cannot stand in the file of judgements, a split that is no name of a file; nothing is written.
    """
    if not split or Path(split).name != split:
        raise InputError(f"must be the name of a file, not {split!r}", field="split")
    for id in () if qrels is None else {*qrels, *(id for judged in qrels.values() for id in judged)}:
        # A line that begins with "# " is a comment.
        if id != id.strip() or len(id.splitlines()) > 1 or "\t" in id or id.startswith("# "):
            raise InputError(f"the id {id!r} cannot stand in a file of judgements")
    with atomic_folder(folder, force=force) as made:
        made.mkdir(parents=True, exist_ok=True)
        count = _write_documents(made / "corpus.jsonl", documents, progress)
        asked = list(queries)
        if asked:
            _write_lines(made / "queries.jsonl", ({"_id": query.id, "text": query.text} for query in asked))
        judged = 0 if qrels is None else _write_qrels(made / "qrels" / f"{split}.tsv", qrels)
    return count, len(asked), judged


def _write_documents(path: Path, documents: Iterable[Document], progress: Callable[[int], None] | None) -> int:
    """Write the documents; how many."""
    count, with_text = 0, False
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            if taken := next((name for name in _OWN if name in document.fields), None):
                raise InputError(
                    f"the document {document.id!r} has a field called {taken}, beside its own: a line of corpus.jsonl "
                    "has room for one of them",
                    field=taken,
                )
            with_text = with_text or bool(document.text or document.title)
            file.write(_line({"_id": document.id, "title": document.title, "text": document.text} | document.fields))
            count += 1
            if progress is not None:
                progress(1)
    if not with_text:
        raise InputError(
            "no texts are stored, of which a corpus could be made" if count else "there are no documents to write"
        )
    return count


def _write_qrels(path: Path, qrels: Mapping[str, Mapping[str, int]]) -> int:
    """Write the judgements under BEIR's header; how many."""
    path.parent.mkdir()
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("query-id\tcorpus-id\tscore\n")
        for query, judged in qrels.items():
            for document, grade in judged.items():
                file.write(f"{query}\t{document}\t{grade}\n")
                count += 1
    return count


def _write_lines(path: Path, values: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(map(_line, values))


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"

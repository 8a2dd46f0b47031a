"""The demo as a test collection: passages, questions and judgements in a BEIR folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

from lsr.core.documents import Document
from lsr.core.errors import OutputExistsError
from lsr.core.files import atomic_file
from lsr.core.obstacles import check_way
from lsr.demo.corpus import standard_library_documents
from lsr.demo.questions import demo_qrels, demo_questions


def write_collection(
    folder: str | Path,
    *,
    modules: Collection[str] | None = None,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv` into the folder, and return it.

    With `modules`, only the documentation of these modules of the standard library, and the questions that it answers.
    `progress` is called with 1 for every source file read. Files that already have this content are left alone. Raises
    OutputExistsError for files with different content, unless `force` replaces them.
    """
    folder = Path(folder)
    check_way(folder / "corpus.jsonl")
    documents = list(standard_library_documents(progress, modules=modules))
    judged = demo_qrels({document.id for document in documents})
    queries = [query for query in demo_questions() if modules is None or query.id in judged]
    qrels = [f"{query}\t{id}\t{grade}" for query, grades in judged.items() for id, grade in grades.items()]
    files = {
        "corpus.jsonl": [_line(document) for document in documents],
        "queries.jsonl": [json.dumps({"_id": query.id, "text": query.text}) for query in queries],
        "qrels/test.tsv": ["query-id\tcorpus-id\tscore", *qrels],
    }
    for name, lines in files.items():
        path, content = folder / name, "\n".join(lines) + "\n"
        if path.exists() and not force and path.read_text(encoding="utf-8") != content:
            raise OutputExistsError(
                f"{path} already exists with different content (of another Python?): choose another folder, or "
                "replace it"
            )
        with atomic_file(path, force=True) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return folder


def _line(document: Document) -> str:
    record = {"_id": document.id, "title": document.title, "text": document.text, **document.fields}
    return json.dumps(record, ensure_ascii=False)

"""Documents and queries of ir_datasets (https://ir-datasets.com), by name.

The texts are those that ir_datasets gives: for MS MARCO, for example, it repairs characters that are wrongly decoded in
the original files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten
from typing import Any

from lsr.core.errors import InputError, MissingDependencyError
from lsr.text.lines import OnBad
from lsr.text.records import TEXT_NAMES, FieldNames, Record, json_value

PREFIX = "irds:"


def read_documents(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """Documents of "irds:NAME". The text is the first of the usual text fields, or else the document's default text."""
    dataset = load(str(source))
    if not dataset.has_docs():
        raise InputError("this dataset has no documents", source=str(source))
    for number, doc in enumerate(iterate(dataset.docs_iter, str(source)), start=1):
        values = _fields(doc)
        values["_id"] = values.pop("doc_id")
        if names.text is None:
            usual = next((name for name in TEXT_NAMES if isinstance(values.get(name), str)), None)
            text = doc.default_text() if usual is None else values.pop(usual)
            title = values.get("title")
            if usual is None and isinstance(title, str):
                text = text.removeprefix(title).lstrip()  # the default text begins with the title, which is separate
            values["text"] = text
        yield Record(number, values)


def read_queries(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """Queries of "irds:NAME", each with its default text."""
    dataset = load(str(source))
    if not dataset.has_queries():
        raise InputError("this dataset has no queries", source=str(source))
    for number, query in enumerate(iterate(dataset.queries_iter, str(source)), start=1):
        text = query.default_text() if names.text is None else getattr(query, names.text, None)
        yield Record(number, {"_id": query.query_id, names.text or "text": text})


def count(source: str | Path) -> int | None:
    """Number of documents, if ir_datasets knows it without a download."""
    dataset = load(str(source))
    return dataset.docs_metadata().get("count") if dataset.has_docs() else None


def load(source: str) -> Any:
    """The ir_datasets dataset of "irds:NAME"; MissingDependencyError or InputError if there is none."""
    try:
        import ir_datasets
    except ImportError as error:
        message = f"{source} needs ir_datasets, which is not installed: pip install 'lsr-engine[eval]'"
        raise MissingDependencyError(message) from error
    name = source.removeprefix(PREFIX)
    try:
        return ir_datasets.load(name)
    except KeyError:
        raise InputError(
            f"ir_datasets has no dataset {name!r}; `ir_datasets list` and https://ir-datasets.com show the names",
            source=source,
        ) from None


def iterate(start: Any, source: str) -> Iterator[Any]:
    """Iterate over part of a dataset; InputError for a failed download or an unreadable file."""
    try:
        yield from start()
    except (OSError, RuntimeError) as error:
        reason = shorten(str(error), 300)  # a failed download lists every mirror with its whole history
        raise InputError(f"ir_datasets could not fetch or read it: {reason}", source=source) from error


def _fields(doc: Any) -> dict[str, Any]:
    values = doc._asdict() if hasattr(doc, "_asdict") else vars(doc)
    return {name: json_value(value) for name, value in values.items() if not isinstance(value, bytes)}

"""Documents as they are given to a collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lsr.collection.outcomes import Refused
from lsr.core.arguments import kind_of
from lsr.core.documents import Document
from lsr.core.errors import InputError


def as_documents(given: Any) -> Iterator[Document | Refused]:
    """Documents, of one or of many. InputError for what gives none."""
    if isinstance(given, Document | Mapping):
        given = [given]
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InputError(f"documents are `Document`s or dicts, not {kind_of(given)}", field="documents")
    return map(as_document, given)


def as_document(given: Document | Mapping[str, Any]) -> Document | Refused:
    """A document, of one or of a dict as a line of a JSONL corpus holds."""
    if isinstance(given, Document):
        for name in ("id", "title", "text"):
            if not isinstance(value := getattr(given, name), str):
                id = given.id if isinstance(given.id, str) else ""
                return Refused(id, f"field {name!r}: expected text, not {type(value).__name__}")
        return given
    if not isinstance(given, Mapping):
        return Refused("", f"a document is an object, not {type(given).__name__}")
    from lsr.text.records import document_of

    try:
        return document_of(given)
    except InputError as error:
        return Refused(str(given.get("_id") or ""), error.problem)


def without_repeats(batch: Sequence[Document | Refused]) -> Iterator[list[Document | Refused]]:
    """A batch in pieces, in its order, in each of which no id comes twice."""
    piece: list[Document | Refused] = []
    ids: set[str] = set()
    for each in batch:
        if isinstance(each, Document):
            if each.id in ids:
                yield piece
                piece, ids = [], set()
            ids.add(each.id)
        piece.append(each)
    if piece:
        yield piece


def characters(given: Document | Refused) -> int:
    """About how many characters it has."""
    return given.size if isinstance(given, Document) else 0

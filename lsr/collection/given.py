"""Documents as they are given to a collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lsr.collection.outcomes import Refused
from lsr.core.documents import Document
from lsr.core.errors import InputError


def as_document(given: Document | Mapping[str, Any]) -> Document | Refused:
    """A document, of one or of a dict as a line of a JSONL corpus holds."""
    if isinstance(given, Document):
        return given
    from lsr.text.records import document_of

    try:
        return document_of(given)
    except InputError as error:
        id = given.get("_id") if isinstance(given, Mapping) else None
        return Refused(str(id or ""), error.problem)


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

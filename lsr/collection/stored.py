"""Changing documents that a collection holds, of what is stored of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lsr.collection.encoding import DocumentEncoder
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.index.filters.allowed import AllowedRows
from lsr.index.live.writes import Put

if TYPE_CHECKING:
    from lsr.index import Index

OnlyIf = Callable[[Document | None], None]
"""Is given a document as it is, or None if there is none, and raises what keeps it from being changed."""


def allowed_ids(snapshot: Index, filter: Any) -> list[str]:
    """The ids of the documents that fulfil a filter. InputError if it cannot be read, or has no conditions."""
    allowed = snapshot.documents.fields.allowed(filter)
    if allowed is None:
        raise InputError("has no conditions, and would delete every document", field="filter")
    rows = AllowedRows.of(allowed, len(snapshot)).among(snapshot.documents.alive).numbers()
    return snapshot.documents.ids(rows)


def with_fields(document: Document, fields: Mapping[str, Any]) -> Document:
    """A document with other fields: those given are set, those given as None are removed."""
    changed = {**document.fields, **fields}
    kept = {name: value for name, value in changed.items() if value is not None}
    return Document(document.id, document.text, document.title, kept)


def puts_of(snapshot: Index, encoder: DocumentEncoder, document: Document) -> list[Put]:
    """The writes of a document of a snapshot that has other fields now, with what is stored of its text."""
    rows = snapshot.documents.rows_of(document.id)
    live = snapshot.manifest.live
    if live is None or live.windows is not None or live.dense is not None or len(rows) > 1:
        # Of a dense vector, only what it became by being stored is known.
        puts, refused = encoder.encode([document])
        for each in refused:
            raise InputError(each.reason)
        return puts
    terms, weights = snapshot.vector(rows[0])
    first = snapshot.manifest.model_terms
    own = terms < first
    words = snapshot.parts.get("words")
    names = () if words is None else tuple(words.word(term) for term in terms[~own].tolist())
    (tokens,) = encoder.tokens_of([document])
    return [Put(document, terms[own], weights[own], names, weights[~own], tokens)]

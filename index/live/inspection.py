"""A closer look at an index: what a document holds, and what each part takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsr.index.live.snapshot import Index


def describe_document(index: Index, id: str) -> dict[str, Any]:
    """A document as JSON values: what is stored and, as `vector`, its terms with their weights, heaviest first.

    In a document of several windows, a term has the heaviest of the windows' weights. NotFoundError if there is no such
    document.
    """
    document = index.documents.get(id)
    heaviest: dict[int, float] = {}
    for row in index.documents.rows_of(id):
        for term, weight in zip(*(part.tolist() for part in index.vector(row)), strict=True):
            heaviest[term] = max(weight, heaviest.get(term, 0.0))
    name = index.vocabulary.term if index.vocabulary else str
    order = sorted(heaviest, key=lambda term: (-heaviest[term], term))
    return {
        "id": document.id,
        "title": document.title,
        "text": document.text,
        "fields": document.fields,
        "vector": {name(term): round(heaviest[term], 4) for term in order},
    }


def space_by_part(description: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The space of each part, from what `Index.describe` returned: bytes, share of all, and bytes per document."""
    sizes, documents = description["bytes"], description["documents"]
    if description["windows"] is not None:
        documents = description["windows"]["documents"]
    return {
        part: {"bytes": size, "share": size / sizes["total"], "bytes_per_document": size / documents}
        for part, size in sizes.items()
    }


def outliers_in_words(index: Index) -> str | None:
    """What became of weights that are beyond the steps of the index, in a sentence; None where there are none."""
    outliers = index.manifest.outliers
    if outliers is None:
        return None
    count = outliers["weights"]
    are = f"{count:,} {'weights are' if count > 1 else 'weight is'}"
    return (
        f"{are} above {outliers['limit']:g} (up to {outliers['heaviest']:g}) and stored as that, so that the others "
        "keep their differences"
    )

"""From vectors back to the names of their terms."""

from __future__ import annotations

from lsr.core.arguments import count
from lsr.vectors.explanation import TermNames
from lsr.vectors.sparse import SparseVectors


def decode(vectors: SparseVectors, vocabulary: TermNames, top_k: int | None = None) -> list[list[tuple[str, float]]]:
    """Each vector as (term, weight) pairs, heaviest first; the `top_k` heaviest if given."""
    top_k = None if top_k is None else count(top_k, "top_k")
    decoded = []
    for row in range(len(vectors)):
        terms, weights = vectors.row(row)
        order = (-weights).argsort(kind="stable")[:top_k]
        decoded.append([(vocabulary.term(int(terms[at])), float(weights[at])) for at in order])
    return decoded

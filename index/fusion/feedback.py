"""The formulas of pseudo-relevance feedback: a new query from an old one and the first documents that it found.

Does not load NumPy, like `lsr.index.fusion.methods`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    SparseRow = tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]
    Vector = npt.NDArray[np.float32]


def _even(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    import numpy as np

    return np.full(len(scores), 1 / len(scores))


def _likelihoods(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The documents' shares of the scores, taken as query likelihoods; shifted if one is negative."""
    values = scores - min(0.0, float(scores.min()))
    return values / values.sum() if values.sum() > 0 else _even(scores)


def _length(weights: npt.NDArray[np.float64]) -> float:
    import numpy as np

    return float(np.linalg.norm(weights))


def _sum(weights: npt.NDArray[np.float64]) -> float:
    import numpy as np

    return float(np.sum(weights))


@dataclass(frozen=True, slots=True)
class FeedbackMethod:
    """One way to learn from the first answers: query_weight · q + (1 - query_weight) · Σ share(d) · d.

    Attributes:
        title: what it does, in a line.
        shares: the weight of each document, adding up to 1, from the scores float64 [n].
        size: the norm of a sparse vector's weights; query and documents are scaled to norm 1 before they are added.
    """

    title: str
    shares: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
    size: Callable[[npt.NDArray[np.float64]], float]


FEEDBACK_METHODS: dict[str, FeedbackMethod] = {
    # Rocchio 1971; for dense vectors Li et al., arXiv:2108.11044.
    "rocchio": FeedbackMethod("adds the documents' mean vector", _even, _length),
    # Lavrenko and Croft 2001; Abdul-Jaleel et al. 2004. Vectors are distributions over terms.
    "rm3": FeedbackMethod("mixes in a relevance model, documents weighted by their scores", _likelihoods, _sum),
}


def document_weights(method: str, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The weight of each feedback document by a method of FEEDBACK_METHODS: float64 [n], adding up to 1."""
    import numpy as np

    return FEEDBACK_METHODS[method].shares(np.asarray(scores, np.float64))


def sparse_feedback(
    method: str,
    query: SparseRow,
    documents: Sequence[SparseRow],
    scores: npt.ArrayLike,
    query_weight: float,
    terms: int,
) -> SparseRow:
    """The new query's (ascending term ids, weights), of at most `terms` terms.

    Query and documents are first scaled to size 1 by the method, because a document has many times the weights of a
    query. The result is scaled to the size of the old query, so that scores stay comparable; an empty query stays
    empty.
    """
    import numpy as np

    if not len(query[0]):
        return query
    size = FEEDBACK_METHODS[method].size
    weighed: dict[int, float] = {}
    parts = [(query, query_weight)]
    shares = document_weights(method, scores)
    parts += [(row, (1 - query_weight) * share) for row, share in zip(documents, shares.tolist(), strict=True)]
    for (ids, weights), share in parts:
        total = size(weights.astype(np.float64))
        if total > 0:
            for term, weight in zip(ids.tolist(), (weights * (share / total)).tolist(), strict=True):
                weighed[term] = weighed.get(term, 0.0) + weight
    kept = sorted(weighed, key=lambda term: (-weighed[term], term))[:terms]
    ids = np.array(sorted(term for term in kept if weighed[term] > 0), np.uint32)
    new = np.array([weighed[int(term)] for term in ids], np.float64)
    reached = size(new) if len(new) else 0.0
    if reached > 0:
        new *= size(query[1].astype(np.float64)) / reached
    return ids, new.astype(np.float32)


def dense_feedback(method: str, query: Vector, documents: Vector, scores: npt.ArrayLike, query_weight: float) -> Vector:
    """The new query, query_weight · q + (1 - query_weight) · Σ share(d) · d: float32 [dim]; documents: [n, dim]."""
    import numpy as np

    shares = document_weights(method, scores)
    mixed = query_weight * query.astype(np.float64) + (1 - query_weight) * (shares @ documents.astype(np.float64))
    return mixed.astype(np.float32)

"""Pseudo-relevance feedback: a new query of an old one and the documents that it found first. The formulas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SparseRow = tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]
Vector = npt.NDArray[np.float32]


def document_weights(method: str, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """What each feedback document counts, adding up to 1.

    The same for all by "rocchio"; by "rm3" as likely as its score says against the others', the query likelihood of the
    relevance model being a share of the scores, shifted where one is negative.
    """
    values = np.asarray(scores, np.float64)
    if method == "rm3":
        values = values - min(0.0, float(values.min()))
        if values.sum() > 0:
            return values / values.sum()
    return np.full(len(values), 1 / len(values))


def sparse_feedback(
    method: str,
    query: SparseRow,
    documents: Sequence[SparseRow],
    scores: npt.ArrayLike,
    query_weight: float,
    terms: int,
) -> SparseRow:
    """The new query's (ascending term ids, weights), of at most `terms` terms.

    Rocchio: query_weight · q + (1 - query_weight) · mean(d), q and the documents scaled to length one first: a document
    has many times the weights of a query. RM3: query_weight · p(t|q) + (1 - query_weight) · Σ p(d) p(t|d), vectors
    scaled to sum one. The result is scaled to the size of the old query, so that scores stay comparable.
    """
    size = np.linalg.norm if method == "rocchio" else np.sum
    weighed: dict[int, float] = {}
    parts = [(query, query_weight)]
    shares = document_weights(method, scores)
    parts += [(row, (1 - query_weight) * share) for row, share in zip(documents, shares.tolist(), strict=True)]
    for (ids, weights), share in parts:
        total = float(size(weights.astype(np.float64)))
        if total > 0:
            for term, weight in zip(ids.tolist(), (weights * (share / total)).tolist(), strict=True):
                weighed[term] = weighed.get(term, 0.0) + weight
    kept = sorted(weighed, key=lambda term: (-weighed[term], term))[:terms]
    ids = np.array(sorted(term for term in kept if weighed[term] > 0), np.uint32)
    weights = np.array([weighed[int(term)] for term in ids], np.float64)
    reached = float(size(weights)) if len(weights) else 0.0
    if reached > 0:
        weights *= float(size(query[1].astype(np.float64))) / reached
    return ids, weights.astype(np.float32)


def dense_feedback(method: str, query: Vector, documents: Vector, scores: npt.ArrayLike, query_weight: float) -> Vector:
    """query_weight · q + (1 - query_weight) · Σ share(d) · d, float32 [dim]; documents: [n, dim]."""
    shares = document_weights(method, scores)
    mixed = query_weight * query.astype(np.float64) + (1 - query_weight) * (shares @ documents.astype(np.float64))
    return mixed.astype(np.float32)

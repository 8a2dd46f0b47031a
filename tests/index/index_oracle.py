"""Random collections and a brute-force oracle that shares no code with the kernels."""

from __future__ import annotations

import numpy as np

from lsr.index import Index
from lsr.vectors import SparseVectors


def random_vectors(documents: int, dim: int, mean_terms: float = 12, seed: int = 0, levels: int = 0) -> SparseVectors:
    """Skewed random vectors; `levels` > 0 draws weights from so few values that ties abound."""
    random = np.random.default_rng(seed)
    rows = []
    popularity = 1 / np.arange(1, dim + 1)
    popularity /= popularity.sum()
    for _ in range(documents):
        count = min(int(random.poisson(mean_terms)), dim)
        terms = np.sort(random.choice(dim, count, replace=False, p=popularity))
        weights = random.integers(1, levels + 1, count) if levels else random.gamma(2, 0.5, count) + 0.01
        rows.append((terms, weights.astype(np.float32)))
    return SparseVectors.from_rows(rows, [f"d{i}" for i in range(documents)], dim)


def brute_force(index: Index, terms: np.ndarray, weights: np.ndarray, k: int, allow: np.ndarray | None = None):
    """(rows, scores) of the best k by float32 sums over the stored vectors in ascending term order."""
    scale = np.float32(index.manifest.weight_scale)
    query = dict(zip(terms.tolist(), (np.asarray(weights, np.float32) * scale).tolist(), strict=True))
    scored = []
    for row in range(len(index)):
        score = np.float32(0)
        document_terms, _ = index.vector(row)
        steps = index._segment.forward.weights[index._segment.forward.indptr[row] :]
        for term, step in zip(document_terms.tolist(), steps, strict=False):
            if term in query:
                score += np.float32(query[term]) * np.float32(step)
        if score > 0 and (allow is None or allow[row]):
            scored.append((-score, row))
    scored.sort()
    return [row for _, row in scored[:k]], [-score for score, _ in scored[:k]]

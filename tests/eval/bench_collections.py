"""Collections for benchmarks, and brute force over them that shares no code with the engines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.vectors.sparse import SparseVectors


def random_vectors(rows: int, dim: int, mean_terms: float, seed: int) -> SparseVectors:
    """Vectors over terms of skewed popularity, weights rounded to float16 as encoders' often are."""
    random = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, dim + 1)
    popularity /= popularity.sum()
    made = []
    for _ in range(rows):
        count = int(np.clip(random.poisson(mean_terms), 1, dim))
        terms = np.sort(random.choice(dim, count, replace=False, p=popularity))
        made.append((terms, (random.gamma(2, 0.5, count) + 0.05).astype(np.float16).astype(np.float32)))
    return SparseVectors.from_rows(made, [f"x{row}" for row in range(rows)], dim)


def brute_force(documents: SparseVectors, queries: SparseVectors) -> npt.NDArray[np.float64]:
    """float64 [queries, documents]: all inner products."""
    return _dense(queries) @ _dense(documents).T


def _dense(vectors: SparseVectors) -> npt.NDArray[np.float64]:
    dense = np.zeros((len(vectors), vectors.dim))
    for row, (_, terms, weights) in enumerate(vectors):
        dense[row, terms] = weights
    return dense

"""Random collections, and a brute force that shares no code with the index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lsr.vectors.sparse import SparseVectors

Pairs = tuple[Sequence[int] | npt.NDArray[np.integer], Sequence[float] | npt.NDArray[np.floating]]


def random_vectors(documents: int, dim: int, mean_terms: float = 12, seed: int = 0, levels: int = 0) -> SparseVectors:
    """Skewed random vectors; `levels` > 0 draws weights from so few values that ties abound."""
    drawn = _drawn(documents, dim, mean_terms, seed, levels)
    return SparseVectors(
        drawn.indptr.copy(), drawn.indices.copy(), drawn.weights.copy(), [f"d{i}" for i in range(documents)], dim
    )


@lru_cache(maxsize=64)
def _drawn(documents: int, dim: int, mean_terms: float, seed: int, levels: int) -> SparseVectors:
    """The same, drawn once for all tests that ask for them: a third of a second for 2,000 documents."""
    random = np.random.default_rng(seed)
    rows = []
    popularity = 1 / np.arange(1, dim + 1)
    popularity /= popularity.sum()
    for _ in range(documents):
        count = min(int(random.poisson(mean_terms)), dim)
        terms = np.sort(random.choice(dim, count, replace=False, p=popularity))
        weights = random.integers(1, levels + 1, count) if levels else random.gamma(2, 0.5, count) + 0.01
        rows.append((terms, weights.astype(np.float32)))
    return SparseVectors.from_rows(rows, dim=dim)


@dataclass(frozen=True)
class Oracle:
    """The vectors as an index has to store them, and their scores: exact sums, rounded to float32.

    Attributes:
        weight_bits: of a stored weight.
        steps: float32 [nnz]: weights in units of `scale`.
        by_term: the pairs' places, term after term.
        starts: where each term's begin in `by_term`.
        rows: the row of each pair.
    """

    documents: int
    weight_bits: int
    scale: np.float32
    steps: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]
    by_term: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, vectors: SparseVectors, weight_bits: int = 8) -> Oracle:
        """Whole steps of 1/255 of the heaviest weight, or 256ths or 65,536ths of them; never zero.

        With 24 bits, a step is the next power of two.
        """
        scale = float(vectors.weights.max(initial=0)) / 255 or 1.0
        parts = 256 ** (weight_bits // 8 - 1)
        if weight_bits == 24:
            scale = 2.0 ** np.ceil(np.log2(scale))
        steps = np.clip(np.rint(vectors.weights / scale * parts), 1, 255 * parts) / np.float32(parts)
        return cls(
            documents=len(vectors),
            weight_bits=weight_bits,
            scale=np.float32(scale),
            steps=steps.astype(np.float32),
            rows=np.repeat(np.arange(len(vectors)), np.diff(vectors.indptr)),
            by_term=np.argsort(vectors.indices, kind="stable"),
            starts=np.concatenate([[0], np.cumsum(np.bincount(vectors.indices, minlength=vectors.dim))]),
        )

    def scores(self, terms: npt.ArrayLike, weights: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """float32 [documents]."""
        scores = np.zeros(self.documents)
        for term, weight in zip(np.asarray(terms).tolist(), self.rounded(weights), strict=True):
            pairs = self.by_term[self.starts[term] : self.starts[term + 1]]
            scores[self.rows[pairs]] += weight * self.steps[pairs].astype(np.float64)
        return scores.astype(np.float32)

    def rounded(self, weights: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Weights of a query times `scale`, in whole units, at least one, so small that no sum needs more than 53 bits.

        A unit is a power of two: so many bits as are left below the highest of the heaviest weight.
        """
        scaled = (np.asarray(weights, np.float32) * self.scale).astype(np.float64)
        left = 53 - self.weight_bits - len(scaled[1:]).bit_length()
        _, exponent = np.frexp(scaled.max(initial=0))
        unit = 2.0 ** (int(exponent) - left)
        return np.maximum(np.rint(scaled / unit), 1) * unit

    def search(
        self, terms: npt.ArrayLike, weights: npt.ArrayLike, k: int, allow: npt.NDArray[np.bool_] | None = None
    ) -> tuple[list[int], list[float]]:
        """Rows and scores of the k best, best first, ties by row."""
        scores = self.scores(terms, weights)
        if allow is not None:
            scores = np.where(allow, scores, 0)
        best = np.argsort(-scores, kind="stable")[:k]
        best = best[scores[best] > 0]
        return best.tolist(), scores[best].tolist()

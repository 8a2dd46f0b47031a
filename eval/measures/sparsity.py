"""How many terms vectors use, and what a search costs as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.index import Index

# Bars of a histogram, at most.
_BARS = 30
# Of more terms, only those that are active are counted.
_MOST_TERMS = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """How a set of vectors uses the vocabulary.

    Attributes:
        rows: number of vectors.
        counts: int64 [n], in how many of them each term is active.
        terms: uint32 [n], ascending: the ids of these terms; None for all of them, in their order.
    """

    rows: int
    counts: npt.NDArray[np.int64]
    terms: npt.NDArray[np.uint32] | None = None

    @classmethod
    def of_vectors(cls, vectors: SparseVectors) -> Activation:
        """Of the rows of `vectors`."""
        if vectors.dim > _MOST_TERMS:
            terms, counts = np.unique(vectors.indices, return_counts=True)
            return cls(len(vectors), counts, terms)
        return cls(len(vectors), np.bincount(vectors.indices, minlength=vectors.dim))

    @classmethod
    def of_index(cls, index: Index) -> Activation:
        """Of an index's documents."""
        compact = "term_ids" in index.parts
        return cls(len(index), index.parts["terms"].documents, index.parts["term_ids"] if compact else None)

    @property
    def mean_terms(self) -> float:
        """Mean number of active terms per vector."""
        return float(self.counts.sum() / self.rows) if self.rows else 0.0

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """float64 [n]: the share of the vectors in which each term is active."""
        return self.counts / max(self.rows, 1)


@dataclass(frozen=True, slots=True)
class Spread:
    """How many terms vectors have, each.

    Attributes:
        mean, p5, p50, p95, most: of the numbers of terms.
        width: of a bar of the histogram: bar i counts the vectors of i · width up to (i + 1) · width - 1 terms.
        bars: how many these are.
    """

    mean: float
    p5: float
    p50: float
    p95: float
    most: int
    width: int
    bars: list[int]

    @classmethod
    def of(cls, lengths: npt.NDArray[np.integer]) -> Spread:
        """Of the numbers of terms of vectors, which may be none."""
        if not len(lengths):
            return cls(0.0, 0.0, 0.0, 0.0, 0, 1, [])
        most = int(lengths.max())
        width = _round(most // _BARS + 1)
        p5, p50, p95 = np.percentile(lengths, [5, 50, 95]).tolist()
        return cls(float(lengths.mean()), p5, p50, p95, most, width, np.bincount(lengths // width).tolist())

    @classmethod
    def of_vectors(cls, vectors: SparseVectors) -> Spread:
        """Of the rows of `vectors`."""
        return cls.of(np.diff(vectors.indptr))

    @classmethod
    def of_index(cls, index: Index) -> Spread:
        """Of an index's documents, or of its windows."""
        return cls.of(np.concatenate([np.diff(segment.forward.indptr) for segment in index.segments]))


def _round(least: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 … that is not below."""
    return next(digit * 10**power for power in range(20) for digit in (1, 2, 5) if digit * 10**power >= least)


def flops(queries: Activation, documents: Activation) -> float:
    """Σ_j p_q(j) · p_d(j): the multiplications that scoring one document for one query takes on average.

    p_q(j) and p_d(j) are the shares of queries and of documents in which term j is active: the FLOPS measure of SPLADE
    (Formal, Piwowarski and Clinchant, SIGIR 2021, after Paria et al., ICLR 2020).
    """
    if queries.terms is None and documents.terms is None:
        return float(queries.probabilities @ documents.probabilities)
    asked, known = (
        np.arange(len(each.counts), dtype=np.uint32) if each.terms is None else each.terms
        for each in (queries, documents)
    )
    _, at, there = np.intersect1d(asked, known, assume_unique=True, return_indices=True)
    return float(queries.probabilities[at] @ documents.probabilities[there])

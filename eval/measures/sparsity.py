"""How many terms vectors use, and what a search costs as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.index import Index

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

"""How many terms vectors use, and what a search costs as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.index import Index


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """How a set of vectors uses the vocabulary.

    Attributes:
        rows: number of vectors.
        counts: int64 [dim], in how many of them each term is active.
    """

    rows: int
    counts: npt.NDArray[np.int64]

    @classmethod
    def of_vectors(cls, vectors: SparseVectors) -> Activation:
        """The activation of the rows of `vectors`."""
        return cls(len(vectors), np.bincount(vectors.indices, minlength=vectors.dim))

    @classmethod
    def of_index(cls, index: Index) -> Activation:
        """The activation of an index's documents."""
        return cls(len(index), index.parts["terms"].documents)

    @property
    def mean_terms(self) -> float:
        """Mean number of active terms per vector."""
        return float(self.counts.sum() / self.rows) if self.rows else 0.0

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """The share of the vectors in which each term is active: float64 [dim]."""
        return self.counts / max(self.rows, 1)


def flops(queries: Activation, documents: Activation) -> float:
    """Σ_j p_q(j) · p_d(j): the multiplications that scoring one document for one query takes on average.

    p_q(j) and p_d(j) are the shares of queries and of documents in which term j is active: the FLOPS measure of SPLADE
    (Formal, Piwowarski and Clinchant, SIGIR 2021, after Paria et al., ICLR 2020).
    """
    return float(queries.probabilities @ documents.probabilities)

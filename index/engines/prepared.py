"""Queries as the engines take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# Queries of more terms add up their bounds in 32 bits: in 16, a term's share would be too coarse.
MOST_NARROW_TERMS = 100

_NO_TURNS = np.empty(0, np.int32)


class PreparedQuery(NamedTuple):
    """A checked query, as one of `PreparedQueries`."""

    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]
    turns: npt.NDArray[np.int32]


@dataclass(slots=True)
class PreparedQueries:
    """Checked queries, one after another: iterating gives each as a `PreparedQuery`.

    Attributes:
        indptr: int64 [n + 1]; terms: uint32, ascending within a query; weights: float32, times the index's scale, and
            rounded so that scores are exact (`lsr.index.kernels.query`).
        turns: int32: where rare terms share columns, which then may occur twice in `terms`, the turn of each, -1 for
            the others (`lsr.index.format.columns`). Empty where no query has a rare term.
    """

    indptr: npt.NDArray[np.int64]
    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]
    turns: npt.NDArray[np.int32] = field(default_factory=lambda: _NO_TURNS)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __iter__(self) -> Iterator[PreparedQuery]:
        for first, last in pairwise(self.indptr.tolist()):
            yield PreparedQuery(self.terms[first:last], self.weights[first:last], self.turns[first:last])

    @property
    def most_terms(self) -> int:
        """Terms of the longest query."""
        if len(self) == 1:
            return len(self.terms)
        return int(np.diff(self.indptr).max(initial=0))

    def narrow_and_wide(self) -> list[PreparedQueries]:
        """Split into parts, in order, of queries of at most MOST_NARROW_TERMS terms or of a single longer one."""
        if len(self) == 1 or self.most_terms <= MOST_NARROW_TERMS:
            return [self]
        return self.one_by_one()

    def one_by_one(self) -> list[PreparedQueries]:
        """Each by itself."""
        return [PreparedQueries(np.array([0, len(query.terms)]), *query) for query in self]

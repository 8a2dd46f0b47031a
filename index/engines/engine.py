"""What every search algorithm takes.

An algorithm is a function `search(segment, queries, k, allow, scratch, **parameters)` in a file of its own. It returns
(rows int64 [n], scores float32 [n], SearchStats) for each query, best first, ties in row order, and leaves `scratch` as
it found it. The queries are those of one batch on one thread; one that takes a single query is made such a function by
`one_by_one`.
Scores are float32 sums over a document's terms in ascending order, so that all algorithms give the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, wraps
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.index.engines.hits import SearchStats
from lsr.index.kernels.selection import BUCKETS, CHUNK
from lsr.index.parts.segment import Segment


class Query(NamedTuple):
    """A checked query: uint32 term ids, ascending, and float32 weights times the index's scale."""

    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]


@dataclass(slots=True)
class Queries:
    """Checked queries, one after another: iterating gives each as a `Query`.

    Attributes:
        indptr: int64 [n + 1]; terms: uint32, ascending within a query; weights: float32, times the index's scale.
    """

    indptr: npt.NDArray[np.int64]
    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __iter__(self) -> Iterator[Query]:
        for first, last in pairwise(self.indptr.tolist()):
            yield Query(self.terms[first:last], self.weights[first:last])

    @property
    def most_terms(self) -> int:
        """Terms of the longest query."""
        if len(self) == 1:
            return len(self.terms)
        return int(np.diff(self.indptr).max(initial=0))

    def narrow_and_wide(self) -> list[Queries]:
        """Parts, in order, that hold either queries of at most MOST_NARROW_TERMS terms or a single longer one."""
        if len(self) == 1 or self.most_terms <= MOST_NARROW_TERMS:
            return [self]
        return [Queries(np.array([0, len(query.terms)]), *query) for query in self]


# Queries of more terms add up their bounds in 32 bits: in 16, a term's share would be too coarse.
MOST_NARROW_TERMS = 100
# Places of more terms need more than a byte.
_MOST_SHORT_TERMS = 255
# One for each kind of scratch memory that a query may get.
QUERY_SIZES = (1, MOST_NARROW_TERMS + 1, _MOST_SHORT_TERMS + 1)

# A query as `lsr.index.kernels.scoring` takes it: places [dim] and weights [m + 1].
Lookup = tuple[npt.NDArray[Any], npt.NDArray[np.float32]]


class BoundScratch:
    """Memory for adding up and ranking the bounds of all blocks, in accumulators of one type.

    See `lsr.index.engines.blocks.kernel.search_pruned`; the order of `arrays` is its.
    """

    def __init__(self, blocks: int, terms: int, dtype: npt.DTypeLike, buckets: int = BUCKETS) -> None:
        self.weights = np.empty(terms, dtype)
        self.cuts = np.empty(terms, np.int64)
        self.dense_rows = np.empty(terms, np.int64)
        self.dense_factors = np.empty(terms, dtype)
        self.accumulators = np.empty(blocks, dtype)
        self.maxima = np.empty(blocks // CHUNK, dtype)
        self.histogram = np.empty(buckets, np.int64)
        self.found = np.empty(blocks, np.uint32)
        self.ordered = np.empty(blocks, np.uint32)

    @cached_property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All of them."""
        return (
            self.weights,
            self.cuts,
            self.dense_rows,
            self.dense_factors,
            self.accumulators,
            self.maxima,
            self.histogram,
            self.found,
            self.ordered,
        )


class Scratch:
    """Memory that one search at a time works in, made when it is first needed and used again."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._dim = len(segment.term_documents)
        self._generation = 0
        self.counters = np.zeros(4, np.int64)

    def bounds(self, terms: int) -> BoundScratch:
        """For a query of so many terms: of uint16, or of uint32 where integer weights in uint16 would be too coarse."""
        return self._bounds if terms <= MOST_NARROW_TERMS else self._wide_bounds

    @cached_property
    def _bounds(self) -> BoundScratch:
        return BoundScratch(self._segment.summaries.padded_blocks, MOST_NARROW_TERMS, np.uint16)

    @cached_property
    def _wide_bounds(self) -> BoundScratch:
        return BoundScratch(self._segment.summaries.padded_blocks, self._dim, np.uint32)

    @cached_property
    def bmp_bounds(self) -> BoundScratch:
        """uint16 accumulators for the blocks of Block-Max Pruning, with a bucket for each of their values."""
        assert self._segment.bmp is not None
        return BoundScratch(self._segment.bmp.summaries.padded_blocks, MOST_NARROW_TERMS, np.uint16, 1 << 16)

    def lookup(self, terms: int) -> Lookup:
        """An empty lookup for a query of so many terms; to be left empty."""
        return self._lookup if terms <= _MOST_SHORT_TERMS else self._wide_lookup

    @cached_property
    def _lookup(self) -> Lookup:
        return np.zeros(self._dim, np.uint8), np.zeros(_MOST_SHORT_TERMS + 1, np.float32)

    @cached_property
    def _wide_lookup(self) -> Lookup:
        return np.zeros(self._dim, np.uint32), np.zeros(self._dim + 1, np.float32)

    @cached_property
    def visited(self) -> npt.NDArray[np.uint8]:
        """uint8 [documents]: the generation of the search that last visited each document."""
        return np.zeros(len(self._segment.forward), np.uint8)

    def next_generation(self) -> np.uint8:
        """A number that stands nowhere in `visited`."""
        if self._generation == 255:
            self.visited[:] = 0
            self._generation = 0
        self._generation += 1
        return np.uint8(self._generation)


# What an algorithm returns: rows, scores, what it did.
Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], SearchStats]


def one_by_one(search: Callable[..., Found]) -> Callable[..., list[Found]]:
    """Turn a search of one query into one of many."""

    @wraps(search)
    def search_each(
        segment: Segment,
        queries: Queries,
        k: int,
        allow: npt.NDArray[np.uint8],
        scratch: Scratch,
        **parameters: Any,
    ) -> list[Found]:
        return [search(segment, query, k, allow, scratch, **parameters) for query in queries]

    return search_each

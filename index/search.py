"""What every search algorithm takes.

An algorithm is a function `search(segment, query, k, allow, scratch, **parameters)` in a file of its own. It returns
(rows int64 [n], scores float32 [n], SearchStats), best first, ties in row order, and leaves `scratch` as it found it.
Scores are float32 sums over a document's terms in ascending order, so that all algorithms give the same ones.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.index.kernels.selection import BUCKETS, CHUNK
from lsr.index.segment import Segment


class Query(NamedTuple):
    """A checked query: uint32 term ids, ascending, and float32 weights times the index's scale."""

    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]


# A query as `lsr.index.kernels.scoring` takes it: places [dim] and weights [m + 1].
Lookup = tuple[npt.NDArray[Any], npt.NDArray[np.float32]]


class BoundScratch:
    """Memory for adding up and ranking the bounds of all blocks, in accumulators of one type."""

    def __init__(self, blocks: int, dtype: npt.DTypeLike, buckets: int = BUCKETS) -> None:
        self.accumulators = np.empty(blocks, dtype)
        self.maxima = np.empty(blocks // CHUNK, dtype)
        self.histogram = np.empty(buckets, np.int64)
        self.found = np.empty(blocks, np.uint32)
        self.ordered = np.empty(blocks, np.uint32)


class Scratch:
    """Memory that one search at a time works in, made when it is first needed and used again.

    Attributes:
        counters: int64 [4], what the kernel reports.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._dim = len(segment.term_documents)
        self._generation = 0
        self.counters = np.zeros(4, np.int64)

    @cached_property
    def bounds(self) -> BoundScratch:
        """uint16 accumulators: for queries of usual length."""
        return BoundScratch(self._segment.summaries.padded_blocks, np.uint16)

    @cached_property
    def wide_bounds(self) -> BoundScratch:
        """uint32 accumulators: for queries of so many terms that integer weights in uint16 would be too coarse."""
        return BoundScratch(self._segment.summaries.padded_blocks, np.uint32)

    @cached_property
    def bmp_bounds(self) -> BoundScratch:
        """uint16 accumulators for the blocks of Block-Max Pruning, with a bucket for each of their values."""
        assert self._segment.bmp is not None
        return BoundScratch(self._segment.bmp.summaries.padded_blocks, np.uint16, 1 << 16)

    def lookup(self, terms: int) -> Lookup:
        """An empty lookup for a query of so many terms; to be left empty."""
        return self._lookup if terms < 256 else self._wide_lookup

    @cached_property
    def _lookup(self) -> Lookup:
        return np.zeros(self._dim, np.uint8), np.zeros(256, np.float32)

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


Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], Any]

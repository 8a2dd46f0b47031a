"""Scratch memory of the engines that add up the bounds of blocks."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.index.kernels.selection import BUCKETS, CHUNK


class BoundScratch:
    """Memory for adding up and ranking the bounds of all blocks, in accumulators of one type.

    See `lsr.index.engines.blocks.kernel.search_pruned`; the order of `arrays` is its.
    """

    def __init__(self, blocks: int, terms: int, dtype: npt.DTypeLike, buckets: int = BUCKETS) -> None:
        self.weights = np.empty(terms, dtype)
        self.cuts = np.empty(terms, np.int64)
        self.frequent_rows = np.empty(terms, np.int64)
        self.frequent_factors = np.empty(terms, dtype)
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
            self.frequent_rows,
            self.frequent_factors,
            self.accumulators,
            self.maxima,
            self.histogram,
            self.found,
            self.ordered,
        )

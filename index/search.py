"""What every search algorithm takes.

An algorithm is a function `search(segment, query, k, allow, scratch, **parameters)` in a file of its own. It returns
(rows int64 [n], scores float32 [n], SearchStats), best first, and leaves `scratch` as it found it.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.index.segment import Segment


class Query(NamedTuple):
    """A checked query: uint32 term ids, ascending, and float32 weights times the index's scale."""

    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]


class Scratch:
    """Memory that one search at a time works in, made when it is first needed and used again.

    Attributes:
        counters: int64 [4], what the kernel reports.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._generation = 0
        self.counters = np.zeros(4, np.int64)

    @cached_property
    def accumulators(self) -> npt.NDArray[np.float32]:
        """float32 [documents], all zero between searches."""
        return np.zeros(len(self._segment.forward), np.float32)

    @cached_property
    def dense(self) -> npt.NDArray[np.float32]:
        """float32 [dim], all zero between searches."""
        return np.zeros(len(self._segment.inverted), np.float32)

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

"""What every search algorithm takes.

An algorithm is a function `search(segment, query, k, allow, scratch, **parameters)` in a file of its own. It returns
(rows int64 [n], scores float32 [n], SearchStats), best first, and leaves `scratch` as it found it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Query(NamedTuple):
    """A checked query: uint32 term ids, ascending, and float32 weights times the index's scale."""

    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]


class Scratch:
    """Memory that one search at a time works in, made once and used again.

    Attributes:
        accumulators: float32 [documents], all zero between searches.
        counters: int64 [4], what the kernel reports.
    """

    __slots__ = ("accumulators", "counters")

    def __init__(self, documents: int, dim: int) -> None:
        self.accumulators = np.zeros(documents, np.float32)
        self.counters = np.zeros(4, np.int64)

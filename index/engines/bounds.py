"""Scratch memory of the engines that add up the bounds of blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.index.kernels.bounds import BoundArguments
from lsr.index.kernels.selection import BUCKETS, CHUNK
from lsr.index.parts.summaries.blocks import MOST_WINDOW_BLOCKS


def bound_scratch(blocks: int, terms: int, dtype: npt.DTypeLike, buckets: int = BUCKETS) -> BoundArguments:
    """Memory for so many blocks (padded to whole chunks), for queries of at most so many terms.

    Behind the accumulators there is room for any block of two bytes, counted from the last one: what a damaged index
    adds to blocks that it does not have falls there, and nowhere else.
    """
    return BoundArguments(
        weights=np.empty(terms, dtype),
        cuts=np.empty(terms, np.int64),
        frequent_rows=np.empty(terms, np.int64),
        frequent_factors=np.empty(terms, dtype),
        accumulators=np.empty(blocks + MOST_WINDOW_BLOCKS, dtype)[:blocks],
        maxima=np.empty(blocks // CHUNK, dtype),
        histogram=np.empty(buckets, np.int64),
        ordered=np.empty(blocks, np.uint32),
    )

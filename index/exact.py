"""Exact search over the inverted lists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.index.hits import SearchStats
from lsr.index.kernels.exhaustive import search_exhaustive
from lsr.index.search import Query, Scratch
from lsr.index.segment import Segment


def search(
    segment: Segment, query: Query, k: int, allow: npt.NDArray[np.uint8], scratch: Scratch
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], SearchStats]:
    """Score every document that shares a term with the query."""
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    lists, counters = segment.inverted, scratch.counters
    found = search_exhaustive(
        lists.indptr, lists.indices, lists.weights, *query, allow, scratch.accumulators, scores, rows, counters
    )
    return rows[:found], scores[:found], SearchStats("exact", postings=int(counters[0]))

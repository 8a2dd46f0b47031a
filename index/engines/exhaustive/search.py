"""Exhaustive search: every document, or every allowed one, is scored from the forward index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.index.engines.engine import Found, Query, Scratch, one_by_one
from lsr.index.engines.exhaustive.kernel import score_each, search_all, search_allowed
from lsr.index.engines.hits import SearchStats
from lsr.index.parts.segment import Segment


@one_by_one
def search(segment: Segment, query: Query, k: int, allow: npt.NDArray[np.uint8], scratch: Scratch) -> Found:
    """Score every document. The oracle of all other searches."""
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    found, scored = search_all(
        *segment.forward_arrays, segment.document_rows, *query, allow, scratch.lookup(len(query.terms)), scores, rows
    )
    return rows[:found], scores[:found], SearchStats("exhaustive", documents_scored=scored)


def search_rows(
    segment: Segment, query: Query, k: int, allowed: npt.NDArray[np.int64], scratch: Scratch, mode: str
) -> Found:
    """Score the rows `allowed` and no others: exact, and quick where these are few."""
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    found, scored = search_allowed(
        *segment.forward_arrays, segment.row_positions, *query, allowed, scratch.lookup(len(query.terms)), scores, rows
    )
    return rows[:found], scores[:found], SearchStats(mode, documents_scored=scored, direct=True)


def score_rows(
    segment: Segment, query: Query, rows: npt.NDArray[np.int64], scratch: Scratch
) -> npt.NDArray[np.float32]:
    """float32 [n]: the scores of these rows, in their order."""
    scores = np.empty(len(rows), np.float32)
    lookup = scratch.lookup(len(query.terms))
    score_each(*segment.forward_arrays, segment.row_positions, *query, np.ascontiguousarray(rows), lookup, scores)
    return scores

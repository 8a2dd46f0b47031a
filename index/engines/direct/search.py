"""Scoring single rows from the forward index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.index.engines.direct.kernel import score_each, search_allowed
from lsr.index.engines.direct.parameters import DirectParameters
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import PreparedQuery
from lsr.index.engines.scratch import Scratch
from lsr.index.parts.segment import Segment


def search(
    segment: Segment,
    query: PreparedQuery,
    k: int,
    allowed: npt.NDArray[np.int64],
    scratch: Scratch,
    parameters: DirectParameters,
) -> Found:
    """Score only the rows `allowed`: exact, and fast if they are few."""
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    found, scored = search_allowed(
        *segment.forward_arrays,
        row_positions=segment.row_positions,
        terms=query.terms,
        term_turns=query.turns,
        term_weights=query.weights,
        allowed=allowed,
        lookup=scratch.lookup(len(query.terms)),
        scores=scores,
        rows=rows,
    )
    return rows[:found], scores[:found], SearchStats(parameters.mode, documents_scored=scored, direct=True)


def score_rows(
    segment: Segment, query: PreparedQuery, rows: npt.NDArray[np.int64], scratch: Scratch
) -> npt.NDArray[np.float32]:
    """The scores of these rows, in order: float32 [n]."""
    scores = np.empty(len(rows), np.float32)
    lookup = scratch.lookup(len(query.terms))
    score_each(
        *segment.forward_arrays,
        row_positions=segment.row_positions,
        terms=query.terms,
        term_turns=query.turns,
        term_weights=query.weights,
        rows=np.ascontiguousarray(rows),
        lookup=lookup,
        scores=scores,
    )
    return scores

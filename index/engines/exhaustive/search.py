"""Exhaustive search: every document, or every allowed one, is scored from the forward index."""

from __future__ import annotations

import numpy as np

from lsr.index.engines.exhaustive.kernel import search_all
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import PreparedQuery
from lsr.index.engines.scratch import Scratch
from lsr.index.filters.allowed import AllowedRows
from lsr.index.parts.segment import Segment


def search(segment: Segment, query: PreparedQuery, k: int, allowed: AllowedRows, scratch: Scratch) -> Found:
    """Score every document. The oracle of all other searches."""
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    found, scored = search_all(
        *segment.forward_arrays,
        document_rows=segment.document_rows,
        terms=query.terms,
        term_turns=query.turns,
        term_weights=query.weights,
        allow=allowed.bitmap,
        lookup=scratch.lookup(len(query.terms)),
        scores=scores,
        rows=rows,
    )
    return rows[:found], scores[:found], SearchStats("exhaustive", documents_scored=scored)

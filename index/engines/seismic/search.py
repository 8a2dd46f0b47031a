"""Approximate search by Seismic's algorithm."""

from __future__ import annotations

import numpy as np

from lsr.index.engines.allowed import AllowedRows
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import PreparedQuery
from lsr.index.engines.scratch import Scratch
from lsr.index.engines.seismic.kernel import search_seismic
from lsr.index.engines.seismic.parameters import SeismicParameters
from lsr.index.parts.segment import Segment


def search(
    segment: Segment,
    query: PreparedQuery,
    k: int,
    allowed: AllowedRows,
    scratch: Scratch,
    parameters: SeismicParameters,
) -> Found:
    """Score the documents of the blocks that their summaries do not rule out."""
    blocks = segment.part("seismic")
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    counters = scratch.counters
    found = search_seismic(
        blocks.indptr,
        blocks.starts,
        blocks.rows,
        blocks.unbounded,
        blocks.summary_indptr,
        blocks.summary_terms,
        blocks.summary_ends,
        blocks.entry_indptr,
        blocks.entry_blocks,
        blocks.entry_weights,
        *segment.forward_arrays,
        segment.document_rows,
        *query,
        np.argsort(-query.weights, kind="stable")[: parameters.query_cut],
        np.float32(parameters.heap_factor),
        allowed.bitmap,
        scratch.lookup(len(query.terms)),
        scratch.visited,
        scratch.next_generation(),
        scores,
        rows,
        counters,
    )
    seen, skipped, scored = counters[:3].tolist()
    stats = SearchStats("seismic", blocks=seen, blocks_skipped=skipped, documents_scored=scored)
    return rows[:found], scores[:found], stats

"""Approximate search by Seismic's algorithm."""

from __future__ import annotations

import numpy as np

from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import PreparedQuery
from lsr.index.engines.scratch import Scratch
from lsr.index.engines.seismic.kernel import SeismicArguments, search_seismic
from lsr.index.engines.seismic.parameters import SeismicParameters
from lsr.index.filters.allowed import AllowedRows
from lsr.index.parts.segment import Segment
from lsr.index.parts.seismic.blocks import SeismicBlocks


def search(
    segment: Segment,
    query: PreparedQuery,
    k: int,
    allowed: AllowedRows,
    scratch: Scratch,
    parameters: SeismicParameters,
) -> Found:
    """Score the documents of the blocks that their summaries do not rule out."""
    blocks: SeismicBlocks = segment.part("seismic")
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    counters = scratch.counters
    found = search_seismic(
        *segment.forward_arrays,
        *scratch.kept("seismic.blocks", lambda: _arguments(blocks)),
        document_rows=segment.document_rows,
        terms=query.terms,
        term_turns=query.turns,
        term_weights=query.weights,
        lists=np.argsort(-query.weights, kind="stable")[: parameters.query_cut],
        heap_factor=np.float32(parameters.heap_factor),
        allow=allowed.bitmap,
        lookup=scratch.lookup(len(query.terms)),
        visited=scratch.visited,
        generation=scratch.next_generation(),
        scores=scores,
        rows=rows,
        counters=counters,
    )
    seen, skipped, scored = counters[:3].tolist()
    stats = SearchStats("seismic", blocks=seen, blocks_skipped=skipped, documents_scored=scored)
    return rows[:found], scores[:found], stats


def _arguments(blocks: SeismicBlocks) -> SeismicArguments:
    return SeismicArguments(
        block_indptr=blocks.indptr,
        block_starts=blocks.starts,
        block_rows=blocks.rows,
        block_unbounded=blocks.unbounded,
        summary_indptr=blocks.summary_indptr,
        summary_terms=blocks.summary_terms,
        summary_ends=blocks.summary_ends,
        entry_indptr=blocks.entry_indptr,
        entry_blocks=blocks.entry_blocks,
        entry_weights=blocks.entry_weights,
    )

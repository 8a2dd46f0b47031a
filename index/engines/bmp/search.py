"""Search by Block-Max Pruning."""

from __future__ import annotations

import math

import numpy as np

from lsr.index.engines.bmp.kernel import search_bmp
from lsr.index.engines.bmp.parameters import BmpParameters
from lsr.index.engines.bounds import bound_scratch
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import MOST_NARROW_TERMS, PreparedQuery
from lsr.index.engines.scratch import Scratch
from lsr.index.filters.allowed import AllowedRows
from lsr.index.kernels.bounds import BoundArguments
from lsr.index.parts.bmp.blocks import BmpBlocks
from lsr.index.parts.segment import Segment
from lsr.index.parts.summaries.blocks import Summaries

_BUCKETS = 1 << 16


def search(
    segment: Segment,
    query: PreparedQuery,
    k: int,
    allowed: AllowedRows,
    scratch: Scratch,
    parameters: BmpParameters,
) -> Found:
    """Visit the blocks of documents by descending bound, and stop when the next one promises too little.

    Unlike in the authors' code, query weights are not rounded for the scores, only, upwards, for the bounds; and alpha
    does not act before k documents are known, so it costs recall and never hits.
    """
    blocks: BmpBlocks = segment.part("bmp")
    alpha, beta = parameters.alpha, parameters.beta
    if beta < 1:
        # In float32, as in the authors' code, which keeps 16 terms for 0.6 of 25.
        keep = math.ceil(np.float32(beta) * np.float32(len(query.terms)))
        kept = np.sort(np.argsort(-query.weights, kind="stable")[:keep])
        turns = query.turns[kept] if len(query.turns) else query.turns
        query = PreparedQuery(query.terms[kept], query.weights[kept], turns)
    summaries = blocks.summaries
    kth_weights = blocks.reached_by(k)
    if allowed.filtered:
        # A filter may leave out the documents that reach them.
        kth_weights = kth_weights[:0]
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    counters = scratch.counters
    found = search_bmp(
        *segment.forward_arrays,
        *summaries.arrays,
        *_bounds(summaries, scratch, len(query.terms)),
        document_rows=segment.document_rows,
        kth_weights=kth_weights,
        terms=query.terms,
        term_turns=query.turns,
        term_weights=query.weights,
        alpha=float(alpha),
        allow=allowed.bitmap,
        lookup=scratch.lookup(len(query.terms)),
        scores=scores,
        rows=rows,
        counters=counters,
    )
    postings, cells, visited, scored = counters.tolist()
    stats = SearchStats(
        "bmp",
        postings=postings,
        frequent_cells=cells,
        blocks=summaries.blocks,
        blocks_skipped=summaries.blocks - visited,
        documents_scored=scored,
    )
    return rows[:found], scores[:found], stats


def _bounds(summaries: Summaries, scratch: Scratch, terms: int) -> BoundArguments:
    """Scratch for a query of so many terms: uint16 accumulators, with a bucket for each possible value."""
    blocks = summaries.padded_blocks
    if terms <= MOST_NARROW_TERMS:
        return scratch.kept("bmp.narrow", lambda: bound_scratch(blocks, MOST_NARROW_TERMS, np.uint16, _BUCKETS))
    return scratch.kept("bmp.wide", lambda: bound_scratch(blocks, scratch.terms, np.uint16, _BUCKETS))

"""Search by Block-Max Pruning."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.remedies import build_with
from lsr.index.engines.bmp.kernel import search_bmp
from lsr.index.engines.engine import Found, Query, Scratch, one_by_one
from lsr.index.engines.hits import SearchStats
from lsr.index.parts.segment import Segment


@one_by_one
def search(
    segment: Segment,
    query: Query,
    k: int,
    allow: npt.NDArray[np.uint8],
    scratch: Scratch,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> Found:
    """Visit the blocks of documents by descending bound, and stop when the next one promises too little.

    Exact with the defaults. Names and sense of the parameters are those of the paper (arXiv:2405.01117) and its code.
    Unlike there, query weights are not rounded for the scores, only, upwards, for the bounds; and alpha does not act
    before k documents are known, so it costs recall and never hits.

    Args:
        alpha: in (0, 1]. The search stops at the first block of which the k-th score exceeds alpha times the bound:
            smaller is faster and misses more.
        beta: in (0, 1]. Share of the query's terms that are kept, the heaviest first, rounded up to whole terms. The
            others count neither for bounds nor for scores.
    """
    blocks = segment.bmp
    if blocks is None:
        raise InputError(
            "this index has no blocks for Block-Max Pruning",
            remedies=["search it in another mode", build_with("bmp", "bmp=BmpSettings()")],
        )
    for name, share in (("alpha", alpha), ("beta", beta)):
        if not 0 < share <= 1:
            raise InputError(f"{name} must lie in (0, 1], not {share}")
    if beta < 1:
        # In float32, as in the authors' code, which keeps 16 terms for 0.6 of 25.
        keep = math.ceil(np.float32(beta) * np.float32(len(query.terms)))
        kept = np.sort(np.argsort(-query.weights, kind="stable")[:keep])
        query = Query(query.terms[kept], query.weights[kept])
    summaries, bounds, m = blocks.summaries, scratch.bmp_bounds, len(query.terms)
    kth_weights = blocks.reached_by(k)
    if allow.size:
        # It may leave out the documents that reach them.
        kth_weights = kth_weights[:0]
    scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    counters = scratch.counters
    found = search_bmp(
        *segment.forward_arrays,
        segment.document_rows,
        summaries.dense_numbers,
        summaries.dense_weights,
        summaries.list_starts,
        summaries.list_blocks,
        summaries.list_weights,
        summaries.term_maxima,
        summaries.window,
        summaries.block_size,
        kth_weights,
        *query,
        float(alpha),
        allow,
        np.empty(m, np.uint16),
        np.empty(m, np.int64),
        np.empty(m, np.int64),
        np.empty(m, np.uint16),
        bounds.accumulators,
        bounds.maxima,
        bounds.histogram,
        bounds.ordered,
        scratch.lookup(len(query.terms)),
        scores,
        rows,
        counters,
    )
    postings, cells, visited, scored = counters.tolist()
    stats = SearchStats(
        "bmp",
        postings=postings,
        dense_cells=cells,
        blocks=summaries.blocks,
        blocks_skipped=summaries.blocks - visited,
        documents_scored=scored,
    )
    return rows[:found], scores[:found], stats

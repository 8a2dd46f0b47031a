"""Approximate search by Seismic's algorithm."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.remedies import build_with
from lsr.index.engines.engine import Found, Query, Scratch, one_by_one
from lsr.index.engines.hits import SearchStats
from lsr.index.engines.seismic.kernel import search_seismic
from lsr.index.parts.segment import Segment

# They reached a recall@10 of 0.98 on 300,000 vectors of 99 terms, with the default settings of a build, in one trial.
QUERY_CUT = 8
HEAP_FACTOR = 0.8


@one_by_one
def search(
    segment: Segment,
    query: Query,
    k: int,
    allow: npt.NDArray[np.uint8],
    scratch: Scratch,
    *,
    query_cut: int | None = QUERY_CUT,
    heap_factor: float = HEAP_FACTOR,
) -> Found:
    """Score the documents of the blocks that their summaries do not rule out.

    Args:
        query_cut: the query's heaviest terms whose lists are gone through; None for all. Scores count every term.
        heap_factor: in [0, 1]. Once k documents are known, a block is skipped when its summary's inner product with
            the query is below heap_factor times the k-th score. Smaller values skip less: better recall, more work.
            This is the rule of Seismic's code; the SIGIR paper divides by a factor in (0, 1] instead.
    """
    blocks = segment.seismic
    if blocks is None:
        raise InputError(
            "this index has no Seismic blocks",
            remedies=["search it in another mode", build_with("seismic", "seismic=SeismicSettings()")],
        )
    if query_cut is not None and query_cut < 1:
        raise InputError(f"query_cut must be at least 1, not {query_cut}")
    if not (math.isfinite(heap_factor) and 0 <= heap_factor <= 1):
        raise InputError(f"heap_factor must lie in [0, 1], not {heap_factor}")
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
        np.argsort(-query.weights, kind="stable")[:query_cut],
        np.float32(heap_factor),
        allow,
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

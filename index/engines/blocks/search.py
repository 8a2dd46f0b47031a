"""Search by the bounds of the blocks, exact or approximate."""

from __future__ import annotations

import numpy as np

from lsr.index.engines.allowed import AllowedRows
from lsr.index.engines.blocks.bounds import BoundScratch
from lsr.index.engines.blocks.kernel import search_pruned
from lsr.index.engines.blocks.parameters import ApproximateParameters, usual_blocks
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import MOST_NARROW_TERMS, PreparedQueries
from lsr.index.engines.scratch import Scratch
from lsr.index.parts.segment import Segment

# Some three years: a longer budget is none.
_LONGEST_NS = 1e17


def search_exact(
    segment: Segment, queries: PreparedQueries, k: int, allowed: AllowedRows, scratch: Scratch
) -> list[Found]:
    """The true k best: blocks are skipped only when their bound shows that they hold none of them."""
    return _search(segment, queries, k, allowed, scratch, "exact", 0.0, 1.0, None, 0)


def search_approximate(
    segment: Segment,
    queries: PreparedQueries,
    k: int,
    allowed: AllowedRows,
    scratch: Scratch,
    parameters: ApproximateParameters,
) -> list[Found]:
    """Visit the blocks with the best bounds until they no longer promise enough."""
    limit = parameters.budget_us
    budget = 0 if limit is None else max(int(min(limit * 1000, _LONGEST_NS)), 1)
    max_blocks = min(
        int(parameters.max_blocks or usual_blocks(k, len(segment.forward))), segment.part("summaries").blocks
    )
    cut, heap_factor = float(parameters.cut), float(parameters.heap_factor)
    return _search(segment, queries, k, allowed, scratch, "approximate", cut, heap_factor, max_blocks, budget)


def _search(
    segment: Segment,
    queries: PreparedQueries,
    k: int,
    allowed: AllowedRows,
    scratch: Scratch,
    mode: str,
    cut: float,
    heap_factor: float,
    max_blocks: int | None,
    budget: int,
) -> list[Found]:
    summaries = segment.part("summaries")
    # An exact search looks at a few blocks before it knows what bound the others need.
    wanted = max_blocks or k + k // 5 + 8 * summaries.block_size
    if allowed.filtered:
        wanted = wanted * allowed.rows // max(allowed.count, 1)
        # The few that are allowed may match by nothing but what a cut leaves out.
        cut = 0.0
    found: list[Found] = []
    for part in queries.narrow_and_wide():
        n, most = len(part), part.most_terms
        scores, rows, counters = np.empty((n, k), np.float32), np.empty((n, k), np.int64), np.empty((n, 5), np.int64)
        search_pruned(
            *segment.forward_arrays,
            segment.document_rows,
            *summaries.arrays,
            part.indptr,
            part.terms,
            part.weights,
            cut,
            heap_factor,
            wanted,
            max_blocks or summaries.blocks,
            budget,
            allowed.bitmap,
            *_bounds(segment, scratch, most).arrays,
            scratch.lookup(most),
            scores,
            rows,
            counters,
        )
        for i, (postings, cells, visited, scored, size) in enumerate(counters.tolist()):
            stats = SearchStats(mode, postings, cells, summaries.blocks, summaries.blocks - visited, scored)
            found.append((rows[i, :size], scores[i, :size], stats))
    return found


def _bounds(segment: Segment, scratch: Scratch, terms: int) -> BoundScratch:
    """For a query of so many terms: of uint16, or of uint32 where integer weights in uint16 would be too coarse."""
    blocks = segment.part("summaries").padded_blocks
    if terms <= MOST_NARROW_TERMS:
        return scratch.kept("blocks.narrow", lambda: BoundScratch(blocks, MOST_NARROW_TERMS, np.uint16))
    return scratch.kept("blocks.wide", lambda: BoundScratch(blocks, len(segment.term_documents), np.uint32))

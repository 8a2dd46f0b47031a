"""Search by the bounds of the blocks, exact or approximate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.index.engines.blocks.kernel import search_blocks
from lsr.index.engines.blocks.parameters import ApproximateParameters, usual_blocks
from lsr.index.engines.bounds import bound_scratch
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import MOST_NARROW_TERMS, PreparedQueries
from lsr.index.engines.scratch import Scratch
from lsr.index.filters.allowed import AllowedRows
from lsr.index.kernels.bounds import BoundArguments
from lsr.index.parts.segment import Segment
from lsr.index.parts.summaries.blocks import Summaries

# About three years: a longer budget is no limit.
_LONGEST_NS = 1e17


def search_exact(
    segment: Segment, queries: PreparedQueries, k: int, allowed: AllowedRows, scratch: Scratch
) -> list[Found]:
    """Find the true k best: blocks are skipped only if their bound shows that they hold none of them."""
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
    summaries: Summaries = segment.part("summaries")
    # An exact search looks at a few blocks before it knows what bound the others need.
    wanted = max_blocks or k + k // 5 + 8 * summaries.block_size
    if allowed.filtered:
        wanted = wanted * allowed.rows // max(allowed.count, 1)
        # The few allowed documents may match only by terms that a cut leaves out.
        cut = 0.0
    found: list[Found] = []
    for part in queries.narrow_and_wide():
        n, most = len(part), part.most_terms
        scores, rows, counters = np.empty((n, k), np.float32), np.empty((n, k), np.int64), np.empty((n, 5), np.int64)
        bounds, found_blocks = _memory(summaries, scratch, most)
        search_blocks(
            *segment.forward_arrays,
            *summaries.arrays,
            *bounds,
            document_rows=segment.document_rows,
            query_indptr=part.indptr,
            query_terms=part.terms,
            query_turns=part.turns,
            query_weights=part.weights,
            cut=cut,
            heap_factor=heap_factor,
            first_blocks=wanted,
            max_blocks=max_blocks or summaries.blocks,
            budget=budget,
            allow=allowed.bitmap,
            found=found_blocks,
            lookup=scratch.lookup(most),
            scores=scores,
            rows=rows,
            counters=counters,
        )
        for i, (postings, cells, visited, scored, size) in enumerate(counters.tolist()):
            stats = SearchStats(mode, postings, cells, summaries.blocks, summaries.blocks - visited, scored)
            found.append((rows[i, :size], scores[i, :size], stats))
    return found


def _memory(summaries: Summaries, scratch: Scratch, terms: int) -> tuple[BoundArguments, npt.NDArray[np.uint32]]:
    """Scratch for a query of so many terms: uint16, or uint32 if integer weights in uint16 would be too coarse."""
    if terms <= MOST_NARROW_TERMS:
        return scratch.kept("blocks.narrow", lambda: _new_memory(summaries, MOST_NARROW_TERMS, np.uint16))
    return scratch.kept("blocks.wide", lambda: _new_memory(summaries, scratch.terms, np.uint32))


def _new_memory(
    summaries: Summaries, terms: int, dtype: npt.DTypeLike
) -> tuple[BoundArguments, npt.NDArray[np.uint32]]:
    blocks = summaries.padded_blocks
    return bound_scratch(blocks, terms, dtype), np.empty(blocks, np.uint32)

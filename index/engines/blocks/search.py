"""Search by the bounds of the blocks, exact or approximate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.index.engines.blocks.kernel import search_blocks
from lsr.index.engines.blocks.limits import Limits
from lsr.index.engines.blocks.parameters import usual_blocks
from lsr.index.engines.bounds import bound_scratch
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import MOST_NARROW_TERMS, PreparedQueries
from lsr.index.engines.scratch import Scratch
from lsr.index.filters.allowed import AllowedRows
from lsr.index.kernels.bounds import BoundArguments
from lsr.index.parts.segment import Segment
from lsr.index.parts.summaries.blocks import Summaries

# In smaller segments, neighbours are less alike, and more blocks hold as many of the best: of 100,000 documents in ten
# segments, half as many again find .988 of the ten best, where those of one segment find .986 (benchmarks/live.py).
_OF_SEVERAL = 1.5


class Searched(NamedTuple):
    """What is searched: how many segments, their documents and blocks, and documents of a block."""

    segments: int
    documents: int
    blocks: int
    block_size: int


class Visits(NamedTuple):
    """How many blocks a search visits before the first threshold, and at most."""

    first: int
    most: int


def visits(searched: Searched, k: int, limits: Limits, allowed: Sequence[AllowedRows]) -> Visits:
    """How many blocks a search visits, if it may return so many rows of each segment."""
    most = searched.blocks
    # An exact search looks at a few blocks before it knows what bound the others need.
    first = k + k // 5 + 8 * searched.block_size
    if limits.max_blocks is not None:
        usual = round(usual_blocks(k, searched.documents) * (1 if searched.segments == 1 else _OF_SEVERAL))
        first = most = min(int(limits.max_blocks or usual), most)
    if allowed[0].filtered:
        first = first * sum(rows.rows for rows in allowed) // max(sum(rows.count for rows in allowed), 1)
    return Visits(first, most)


def cut_of(limits: Limits, *, filtered: bool) -> float:
    """The cut of a search: the few documents that a filter allows may match only by terms that one leaves out."""
    return 0.0 if filtered else limits.cut


def search_blocks_of(
    segment: Segment, queries: PreparedQueries, k: int, allowed: AllowedRows, scratch: Scratch, limits: Limits
) -> list[Found]:
    """Find the k best of a segment, within the limits."""
    summaries: Summaries = segment.part("summaries")
    searched = Searched(1, len(segment.forward), summaries.blocks, summaries.block_size)
    first_blocks, max_blocks = visits(searched, k, limits, (allowed,))
    found: list[Found] = []
    for part in queries.narrow_and_wide():
        n, most = len(part), part.most_terms
        scores, rows, counters = np.empty((n, k), np.float32), np.empty((n, k), np.int64), np.empty((n, 5), np.int64)
        bounds, found_blocks = bounds_memory(summaries.padded_blocks, scratch, most)
        search_blocks(
            *segment.forward_arrays,
            *summaries.arrays,
            *bounds,
            document_rows=segment.document_rows,
            query_indptr=part.indptr,
            query_terms=part.terms,
            query_turns=part.turns,
            query_weights=part.weights,
            cut=cut_of(limits, filtered=allowed.filtered),
            heap_factor=limits.heap_factor,
            first_blocks=first_blocks,
            max_blocks=max_blocks,
            budget=limits.budget,
            allow=allowed.bitmap,
            found=found_blocks,
            lookup=scratch.lookup(most),
            scores=scores,
            rows=rows,
            counters=counters,
        )
        found += found_by(limits.mode, summaries.blocks, scores, rows, counters)
    return found


def found_by(
    mode: str,
    blocks: int,
    scores: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    counters: npt.NDArray[np.int64],
) -> list[Found]:
    """What a kernel has found among so many blocks: see `lsr.index.engines.blocks.kernel.search_blocks`."""
    return [
        (rows[i, :size], scores[i, :size], SearchStats(mode, postings, cells, blocks, blocks - visited, scored))
        for i, (postings, cells, visited, scored, size) in enumerate(counters.tolist())
    ]


def bounds_memory(padded_blocks: int, scratch: Scratch, terms: int) -> tuple[BoundArguments, npt.NDArray[np.uint32]]:
    """Scratch for a query of so many terms: uint16, or uint32 if integer weights in uint16 would be too coarse."""
    if terms <= MOST_NARROW_TERMS:
        return scratch.kept("blocks.narrow", lambda: _new_memory(padded_blocks, MOST_NARROW_TERMS, np.uint16))
    return scratch.kept("blocks.wide", lambda: _new_memory(padded_blocks, scratch.terms, np.uint32))


def _new_memory(blocks: int, terms: int, dtype: npt.DTypeLike) -> tuple[BoundArguments, npt.NDArray[np.uint32]]:
    return bound_scratch(blocks, terms, dtype), np.empty(blocks, np.uint32)

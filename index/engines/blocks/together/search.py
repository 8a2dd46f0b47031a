"""Search of several segments by the bounds of their blocks, as if they were one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from lsr.index.engines.blocks.limits import Limits
from lsr.index.engines.blocks.search import Searched, bounds_memory, cut_of, found_by, search_blocks_of, visits
from lsr.index.engines.blocks.together.kernel import search_segments
from lsr.index.engines.hits import Found
from lsr.index.engines.one_by_one import one_by_one
from lsr.index.engines.prepared import MOST_NARROW_TERMS, PreparedQueries
from lsr.index.engines.scratch import BorrowedScratch, Scratch
from lsr.index.engines.together import Together
from lsr.index.filters.allowed import AllowedRows
from lsr.index.kernels.accumulate import SummaryArguments
from lsr.index.kernels.scoring import ForwardArguments
from lsr.index.kernels.views import place_of


class _Listed(NamedTuple):
    """Segments, as the kernel takes them: see `search_segments`."""

    first: tuple[ForwardArguments, SummaryArguments]
    arrays: list[list[npt.NDArray[Any] | None]]  # held for as long as the places are
    places: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    block_starts: npt.NDArray[np.int64]
    row_starts: npt.NDArray[np.int64]
    searched: Searched


def search_blocks_together(
    together: Together,
    queries: Sequence[PreparedQueries],
    k: int,
    allowed: Sequence[AllowedRows],
    limits: Limits,
) -> list[Found]:
    """Find, within the limits, the k best of several segments: see `Engine.search_together`.

    Segments whose arrays are of different types, which the kernel does not take together, are searched one by one.
    """
    listed = together.kept("blocks", lambda: _listed(together))
    if listed is None:
        return one_by_one(together, queries, k, allowed, partial(search_blocks_of, limits=limits))
    found: list[Found] = []
    with BorrowedScratch(together) as scratch:
        for part in _narrow_and_wide(queries):
            found += _search(listed, together, part, k, allowed, scratch, limits)
    return found


def _search(
    listed: _Listed,
    together: Together,
    queries: Sequence[PreparedQueries],
    k: int,
    allowed: Sequence[AllowedRows],
    scratch: Scratch,
    limits: Limits,
) -> list[Found]:
    """As `search_blocks_together`, for queries that go by one kind of scratch."""
    s, n, most_terms = len(together), len(queries[0]), _most_terms(queries)
    first_blocks, max_blocks = visits(listed.searched, k, limits, allowed)
    all_blocks = int(listed.block_starts[-1])
    allow, allow_starts = _joined(allowed)
    indptr, terms, turns, weights = _in_a_row(queries)
    bounds, found_blocks = bounds_memory(all_blocks, scratch, most_terms)
    scores, rows, counters = (
        np.empty((n, s * k), np.float32),
        np.empty((n, s * k), np.int64),
        np.empty((n, 5), np.int64),
    )
    search_segments(
        *listed.first[0],
        *listed.first[1],
        *bounds,
        document_rows=listed.arrays[0][-1],
        places=listed.places,
        sizes=listed.sizes,
        block_starts=listed.block_starts,
        row_starts=listed.row_starts,
        query_indptr=indptr,
        query_terms=terms,
        query_turns=turns,
        query_weights=weights,
        cut=cut_of(limits, filtered=allowed[0].filtered),
        heap_factor=limits.heap_factor,
        first_blocks=first_blocks,
        max_blocks=all_blocks if limits.max_blocks is None else max_blocks,
        budget=limits.budget,
        allow=allow,
        allow_starts=allow_starts,
        found=found_blocks,
        lookup=scratch.lookup(most_terms),
        best_scores=np.empty(k, np.float32),
        best_rows=np.empty(k, np.int64),
        heap_scores=np.empty((s, k), np.float32),
        heap_rows=np.empty((s, k), np.int64),
        heap_sizes=np.empty(s, np.int64),
        scores=scores,
        rows=rows,
        counters=counters,
    )
    return found_by(limits.mode, listed.searched.blocks, scores, rows, counters)


def _listed(together: Together) -> _Listed | None:
    """The segments for the kernel; None if their arrays are not of the same types."""
    summaries = [segment.part("summaries") for segment in together.members]
    forwards = [segment.forward_arrays for segment in together.members]
    arrays = [
        [*forward, *own.arrays[:-2], segment.document_rows]
        for segment, forward, own in zip(together.members, forwards, summaries, strict=True)
    ]
    first, *others = [[numba.typeof(array) for array in own] for own in arrays]
    if any(other != first for other in others):
        return None
    return _Listed(
        (forwards[0], summaries[0].arrays),
        arrays,
        np.array([[place_of(array) for array in own] for own in arrays]),
        np.array([[own.window, own.block_size] for own in summaries]),
        np.cumsum([0, *(own.padded_blocks for own in summaries)]),
        np.array(together.row_starts),
        Searched(
            len(summaries),
            sum(len(segment.forward) for segment in together.members),
            sum(own.blocks for own in summaries),
            summaries[0].block_size,
        ),
    )


def _narrow_and_wide(queries: Sequence[PreparedQueries]) -> list[list[PreparedQueries]]:
    """As `PreparedQueries.narrow_and_wide`, the same parts for all segments."""
    if len(queries[0]) == 1 or _most_terms(queries) <= MOST_NARROW_TERMS:
        return [list(queries)]
    if _are_alike(queries):
        return [[each] * len(queries) for each in queries[0].one_by_one()]
    return [list(each) for each in zip(*(own.one_by_one() for own in queries), strict=True)]


def _most_terms(queries: Sequence[PreparedQueries]) -> int:
    return queries[0].most_terms if _are_alike(queries) else max(own.most_terms for own in queries)


def _are_alike(queries: Sequence[PreparedQueries]) -> bool:
    return len({id(own.terms) for own in queries}) == 1


def _in_a_row(
    queries: Sequence[PreparedQueries],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The queries of all segments: offsets, terms, turns (empty if no term is rare) and weights.

    Offsets are int64 [s, n + 1] or, if all segments take the queries alike, [1, n + 1].
    """
    first = queries[0]
    if _are_alike(queries):
        return first.indptr.reshape(1, -1), first.terms, first.turns, first.weights
    starts = np.cumsum([0, *(len(own.terms) for own in queries[:-1])])
    indptr = np.stack([own.indptr for own in queries]) + starts[:, None]
    terms, weights = np.concatenate([own.terms for own in queries]), np.concatenate([own.weights for own in queries])
    turns = first.turns[:0]
    if any(len(own.turns) for own in queries):
        none = np.full(len(terms), -1, np.int32)
        turns = np.concatenate([own.turns if len(own.turns) else none[: len(own.terms)] for own in queries])
    return indptr, terms, turns, weights


def _joined(allowed: Sequence[AllowedRows]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The bitmaps of all segments, one after another, and where each begins."""
    bitmaps = [rows.bitmap for rows in allowed]
    if not any(map(len, bitmaps)):
        return bitmaps[0], np.zeros(len(bitmaps) + 1, np.int64)
    return np.concatenate(bitmaps), np.cumsum([0, *map(len, bitmaps)])

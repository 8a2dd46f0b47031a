"""Search of several segments by the bounds of their blocks, as if they were one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from lsr.index.engines.blocks.search import Limits, bounds_memory, cut_of, found_by, visits
from lsr.index.engines.blocks.together_kernel import SegmentArguments, append_to, list_of, search_segments
from lsr.index.engines.hits import Found
from lsr.index.engines.prepared import MOST_NARROW_TERMS, PreparedQueries
from lsr.index.engines.scratch import BorrowedScratch, Scratch
from lsr.index.engines.together import Together
from lsr.index.filters.allowed import AllowedRows
from lsr.index.parts.segment import Segment


class _Alike(NamedTuple):
    """Segments whose arrays are of the same types: for the kernel, and the numbers of these in a `Together`."""

    segments: Any
    numbers: npt.NDArray[np.int64]


def search_blocks_together(
    together: Together,
    queries: Sequence[PreparedQueries],
    k: int,
    allowed: Sequence[AllowedRows],
    limits: Limits,
) -> list[list[Found]]:
    """Find, within the limits, the k best of several segments, and all others that score as the last of these.

    queries, allowed: as each segment takes them. Returns for each segment what it holds of them, for each query; of the
    documents that others are better than, only some.
    """
    found: list[list[Found]] = [[] for _ in together.members]
    with BorrowedScratch(together) as scratch:
        for part in _narrow_and_wide(queries):
            for of_segment, more in zip(found, _search(together, part, k, allowed, scratch, limits), strict=True):
                of_segment += more
    return found


def _search(
    together: Together,
    queries: Sequence[PreparedQueries],
    k: int,
    allowed: Sequence[AllowedRows],
    scratch: Scratch,
    limits: Limits,
) -> Iterator[list[Found]]:
    """As `search_blocks_together`, for queries that go by one kind of scratch."""
    segments = together.members
    s, n, most_terms = len(segments), len(queries[0]), max(each.most_terms for each in queries)
    first_blocks, max_blocks = np.array(
        [visits(segment, k, limits, rows) for segment, rows in zip(segments, allowed, strict=True)], np.int64
    ).T.copy()
    allow, allow_starts = _joined([rows.bitmap for rows in allowed])
    indptr, terms, turns, weights = _in_a_row(queries)
    padded_blocks = together.kept("blocks.padded", lambda: _most_blocks(segments))
    bounds, found_blocks = bounds_memory(padded_blocks, scratch, most_terms)
    best_scores, best_rows = np.empty((n, k), np.float32), np.empty((n, k), np.int64)
    best_sizes, taken = np.zeros(n, np.int64), np.zeros(n, np.int64)
    scores, rows = np.empty((s, n, k), np.float32), np.empty((s, n, k), np.int64)
    counters = np.empty((s, n, 5), np.int64)
    for alike in together.kept("blocks.alike", lambda: _by_types(segments)):
        search_segments(
            *bounds,
            segments=alike.segments,
            numbers=alike.numbers,
            query_indptr=indptr,
            query_terms=terms,
            query_turns=turns,
            query_weights=weights,
            cut=cut_of(limits, filtered=allowed[0].filtered),
            heap_factor=limits.heap_factor,
            first_blocks=first_blocks,
            max_blocks=max_blocks,
            budget=limits.budget,
            allow=allow,
            allow_starts=allow_starts,
            found=found_blocks,
            lookup=scratch.lookup(most_terms),
            best_scores=best_scores,
            best_rows=best_rows,
            best_sizes=best_sizes,
            taken=taken,
            scores=scores,
            rows=rows,
            counters=counters,
        )
    for segment, *own in zip(segments, scores, rows, counters, strict=True):
        yield found_by(limits.mode, segment.part("summaries").blocks, *own)


def _by_types(segments: Sequence[Segment]) -> list[_Alike]:
    """The segments by the types of their arrays, the largest first, as they stand."""
    by_type: dict[Any, list[tuple[int, SegmentArguments]]] = {}
    for number, segment in enumerate(segments):
        own = SegmentArguments(segment.forward_arrays, segment.part("summaries").arrays, segment.document_rows)
        by_type.setdefault(numba.typeof(own), []).append((number, own))
    alike = []
    for found in by_type.values():
        (_, first), *others = found
        listed = list_of(first)
        for _, other in others:
            append_to(listed, other)
        alike.append(_Alike(listed, np.array([number for number, _ in found], np.int64)))
    return alike


def _most_blocks(segments: Sequence[Segment]) -> int:
    return max(segment.part("summaries").padded_blocks for segment in segments)


def _narrow_and_wide(queries: Sequence[PreparedQueries]) -> list[list[PreparedQueries]]:
    """As `PreparedQueries.narrow_and_wide`, alike for all segments."""
    if len(queries[0]) == 1 or max(each.most_terms for each in queries) <= MOST_NARROW_TERMS:
        return [list(queries)]
    return [list(each) for each in zip(*(own.one_by_one() for own in queries), strict=True)]


def _in_a_row(
    queries: Sequence[PreparedQueries],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The queries of all segments: offsets int64 [s, n + 1], terms, turns (empty if none is rare) and weights."""
    first = queries[0]
    if all(own is first for own in queries):
        return np.tile(first.indptr, (len(queries), 1)), first.terms, first.turns, first.weights
    starts = np.cumsum([0, *(len(own.terms) for own in queries[:-1])])
    indptr = np.stack([own.indptr for own in queries]) + starts[:, None]
    terms, weights = np.concatenate([own.terms for own in queries]), np.concatenate([own.weights for own in queries])
    turns = first.turns[:0]
    if any(len(own.turns) for own in queries):
        none = np.full(len(terms), -1, np.int32)
        turns = np.concatenate([own.turns if len(own.turns) else none[: len(own.terms)] for own in queries])
    return indptr, terms, turns, weights


def _joined(bitmaps: Sequence[npt.NDArray[np.uint8]]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    starts = np.cumsum([0, *map(len, bitmaps)])
    return (np.concatenate(bitmaps) if starts[-1] else bitmaps[0]), starts

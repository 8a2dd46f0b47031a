"""Search of several segments by block bounds, as if their blocks were those of one."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba.typed import List

from lsr.core.jit import kernel
from lsr.index.kernels.accumulate import SummaryArguments, accumulate
from lsr.index.kernels.bounds import ROUNDING, BoundArguments, bound_scale, integer_weights
from lsr.index.kernels.clock import nanoseconds
from lsr.index.kernels.prefetch import prefetch
from lsr.index.kernels.scoring import ForwardArguments, empty_lookup, fill_lookup
from lsr.index.kernels.selection import CHUNK, gather, threshold
from lsr.index.kernels.visits import BEST, SCORED, VISITED, next_bound, visit_blocks


class SegmentArguments(NamedTuple):
    """What the kernels take of a segment; document_rows: uint32 [documents]."""

    forward: ForwardArguments
    summaries: SummaryArguments
    document_rows: npt.NDArray[np.uint32]


SEARCH_SEGMENTS_GROUPS = (BoundArguments,)


@kernel
def list_of(segment):
    """A list that holds this segment, as kernels take segments of the same types."""
    segments = List()
    segments.append(segment)
    return segments


@kernel
def append_to(segments, segment):
    """Append a segment of the same types."""
    segments.append(segment)


@kernel
def search_segments(
    weights,
    cuts,
    frequent_rows,
    frequent_factors,
    accumulators,
    maxima,
    histogram,
    ordered,
    segments,
    block_starts,
    row_starts,
    query_indptr,
    query_terms,
    query_turns,
    query_weights,
    cut,
    heap_factor,
    first_blocks,
    max_blocks,
    budget,
    allow,
    allow_starts,
    found,
    lookup,
    best_scores,
    best_rows,
    heap_scores,
    heap_rows,
    heap_sizes,
    scores,
    rows,
    counters,
):
    """Search s segments, for one of n queries after another.

    The arguments that are not here are those of `search_blocks`; the blocks are those of all segments.

    segments: list of `SegmentArguments`. block_starts: int64 [s + 1]: where the accumulators of each begin, in whole
        chunks; row_starts: int64 [s]: the number of its first row.
    query_indptr: int64 [s, n + 1], into query_terms, query_turns and query_weights, as each segment takes the queries;
        or [1, n + 1], if all take them alike.
    allow: the bitmaps of all segments, one after another, from allow_starts (int64 [s + 1]) on; an empty one allows
        every row.
    best_scores: float32 [k], best_rows: int64 [k]: scratch for the best scores of all segments; heap_scores: float32
        [s, k], heap_rows: int64 [s, k], heap_sizes: int64 [s]: for the best of each.
    scores: float32 [n, s * k], rows: int64 [n, s * k]: receive the k best of all and what scores as the last of them,
        in no order: as rows of equal score go by their ids, which are not known here, each segment gives its first.
    counters: int64 [n, 5], as of `search_blocks`.
    """
    k = best_scores.size
    best = best_scores, best_rows
    largest = np.int64(1) << 8 * accumulators.itemsize
    best_bounds = np.empty(len(segments), np.int64)
    state = np.empty(3, np.int64)
    alike = query_indptr.shape[0] == 1
    for q in range(query_indptr.shape[1] - 1):
        started = nanoseconds() if budget else np.int64(0)
        scale, strongest = np.inf, 0.0
        for s in range(len(segments)):
            first, last = _pairs(query_indptr, s, q)
            summaries = segments[s].summaries
            terms = query_terms[first:last]
            for term in terms:
                prefetch(summaries.term_maxima, term)
            for term in terms:
                prefetch(summaries.frequent_numbers, term)
                prefetch(summaries.list_starts, term)
            own = bound_scale(terms, query_weights[first:last], summaries.term_maxima, largest - 1)
            scale, strongest = min(scale, own[0]), max(strongest, own[1])
        counters[q] = 0
        for s in range(len(segments)):
            first, last = _pairs(query_indptr, s, q)
            summaries = segments[s].summaries
            terms, m = query_terms[first:last], last - first
            integer_weights(
                terms, query_weights[first:last], summaries.term_maxima, scale, strongest, cut, weights[:m], cuts[:m]
            )
            added, frequent_added, best_bounds[s] = accumulate(
                summaries.frequent_numbers,
                summaries.frequent_weights,
                summaries.list_starts,
                summaries.list_blocks,
                summaries.list_weights,
                summaries.term_maxima,
                summaries.window,
                terms,
                weights[:m],
                cuts[:m],
                frequent_rows,
                frequent_factors,
                accumulators[block_starts[s] : block_starts[s + 1]],
                maxima[block_starts[s] // CHUNK : block_starts[s + 1] // CHUNK],
            )
            counters[q, 0] += added
            counters[q, 1] += frequent_added
        factor = heap_factor * scale * (1 - ROUNDING)
        best_bound = best_bounds.max()
        wanted = min(first_blocks, max(maxima.size // 4, 1))
        low, high, needed = threshold(maxima, best_bound, wanted, histogram), largest, np.int64(1)
        stopped, heap_sizes[:], state[:] = False, 0, 0
        if alike:
            first, last = _pairs(query_indptr, 0, q)
            _fill(lookup, first, last, query_terms, query_turns, query_weights)
        while True:
            if max_blocks < accumulators.size:
                # The best of all segments, not those of the first ones, are what may be visited.
                count = gather(accumulators, maxima, low, high, found, histogram, ordered)
                next_ones = max_blocks - state[VISITED]
                if count > next_ones:
                    low = np.int64(accumulators[ordered[next_ones - 1]])
                    if accumulators[ordered[next_ones]] == low and accumulators[ordered[0]] > low:
                        # Those as good as the last are more than may be visited: first what is better, in any segment.
                        low += 1
            for s in range(len(segments)):
                if stopped or best_bounds[s] < max(low, needed):
                    continue
                first, last = _pairs(query_indptr, s, q)
                if not alike:
                    _fill(lookup, first, last, query_terms, query_turns, query_weights)
                segment = segments[s]
                heap_sizes[s], needed, stopped = visit_blocks(
                    segment.forward.forward_indptr,
                    segment.forward.forward_terms,
                    segment.forward.forward_weights,
                    segment.forward.forward_deficits,
                    segment.forward.forward_rare_indptr,
                    segment.forward.forward_rare_turns,
                    segment.summaries.block_size,
                    segment.document_rows,
                    accumulators[block_starts[s] : block_starts[s + 1]],
                    maxima[block_starts[s] // CHUNK : block_starts[s + 1] // CHUNK],
                    low,
                    high,
                    needed,
                    factor,
                    max_blocks,
                    started,
                    budget,
                    allow[allow_starts[s] : allow_starts[s + 1]],
                    found,
                    histogram,
                    ordered,
                    lookup,
                    heap_scores[s],
                    heap_rows[s],
                    heap_sizes[s],
                    best,
                    state,
                )
                if not alike:
                    empty_lookup(lookup, query_terms[first:last])
            if stopped or low <= needed:
                break
            low, high = next_bound(low, best_bound, needed), low
        if alike:
            first, last = _pairs(query_indptr, 0, q)
            empty_lookup(lookup, query_terms[first:last])
        least, count = best_scores[0] if state[BEST] == k else np.float32(0), 0
        for s in range(len(segments)):
            for i in range(heap_sizes[s]):
                if heap_scores[s, i] >= least:
                    scores[q, count], rows[q, count] = heap_scores[s, i], row_starts[s] + heap_rows[s, i]
                    count += 1
        counters[q, 2], counters[q, 3], counters[q, 4] = state[VISITED], state[SCORED], count


@kernel(forceinline=True)
def _pairs(query_indptr, s, q):
    """Where the terms of query q begin and end, as segment s takes it."""
    own = min(s, query_indptr.shape[0] - 1)
    return query_indptr[own, q], query_indptr[own, q + 1]


@kernel
def _fill(lookup, first, last, query_terms, query_turns, query_weights):
    fill_lookup(lookup, query_terms[first:last], query_turns[first:last], query_weights[first:last])

"""Search of several segments by block bounds, as if their blocks were those of one."""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.accumulate import SummaryArguments, accumulate
from lsr.index.kernels.bounds import ROUNDING, BoundArguments, bound_scale, integer_weights
from lsr.index.kernels.clock import nanoseconds
from lsr.index.kernels.prefetch import prefetch
from lsr.index.kernels.scoring import ForwardArguments, empty_lookup, fill_lookup
from lsr.index.kernels.selection import CHUNK, gather, threshold
from lsr.index.kernels.topk import sort_positive_best_first
from lsr.index.kernels.views import view_at
from lsr.index.kernels.visits import (
    AHEAD,
    BEST,
    FAR,
    SCORED,
    VISITED,
    next_bound,
    prefetch_block,
    prefetch_offsets,
    visit_blocks,
)

# Where the place of each array is, in the order of the arguments.
(
    FORWARD_INDPTR,
    FORWARD_TERMS,
    FORWARD_WEIGHTS,
    FORWARD_DEFICITS,
    FORWARD_RARE_INDPTR,
    FORWARD_RARE_TURNS,
    FREQUENT_NUMBERS,
    FREQUENT_WEIGHTS,
    LIST_STARTS,
    LIST_BLOCKS,
    LIST_WEIGHTS,
    TERM_MAXIMA,
    DOCUMENT_ROWS,
) = range(13)
SEARCH_SEGMENTS_GROUPS = (ForwardArguments, SummaryArguments, BoundArguments)


@kernel
def search_segments(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    frequent_numbers,
    frequent_weights,
    list_starts,
    list_blocks,
    list_weights,
    term_maxima,
    window,
    block_size,
    weights,
    cuts,
    frequent_rows,
    frequent_factors,
    accumulators,
    maxima,
    histogram,
    ordered,
    document_rows,
    places,
    sizes,
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

    forward_indptr … block_size, document_rows: of the first segment; the arrays of all are of their types.
    places: int64 [s, 13, 2]: address and size of each array of each segment, in the order of these arguments.
    sizes: int64 [s, 2]: what `window` and `block_size` are of each.
    block_starts: int64 [s + 1]: where the accumulators of each begin, in whole chunks; row_starts: int64 [s]: the
        number of its first row.
    query_indptr: int64 [s, n + 1], into query_terms, query_turns and query_weights, as each segment takes the queries;
        or [1, n + 1], if all take them alike.
    allow: the bitmaps of all segments, one after another, from allow_starts (int64 [s + 1]) on; an empty one allows
        every row.
    best_scores: float32 [k], best_rows: int64 [k]: scratch for the best scores of all segments; heap_scores: float32
        [s, k], heap_rows: int64 [s, k], heap_sizes: int64 [s]: for the best of each.
    scores: float32 [n, s * k], rows: int64 [n, s * k]: receive the k best of all and what scores as the last of them,
        best first: as rows of equal score go by their ids, which are not known here, each segment gives its first.
    counters: int64 [n, 5], as of `search_blocks`.
    """
    k, segments = best_scores.size, row_starts.size
    best = best_scores, best_rows
    largest = np.int64(1) << 8 * accumulators.itemsize
    best_bounds, counts = np.empty(segments, np.int64), np.empty(segments, np.int64)
    state = np.empty(3, np.int64)
    alike = query_indptr.shape[0] == 1
    for q in range(query_indptr.shape[1] - 1):
        started = nanoseconds() if budget else np.int64(0)
        scale, strongest = np.inf, 0.0
        for s in range(segments):
            first, last = _pairs(query_indptr, s, q)
            terms = query_terms[first:last]
            maxima_of_terms = view_at(term_maxima, places[s, TERM_MAXIMA])
            for term in terms:
                prefetch(maxima_of_terms, term)
            for term in terms:
                prefetch(view_at(frequent_numbers, places[s, FREQUENT_NUMBERS]), term)
                prefetch(view_at(list_starts, places[s, LIST_STARTS]), term)
            own = bound_scale(terms, query_weights[first:last], maxima_of_terms, largest - 1)
            scale, strongest = min(scale, own[0]), max(strongest, own[1])
        counters[q] = 0
        for s in range(segments):
            first, last = _pairs(query_indptr, s, q)
            terms, m = query_terms[first:last], last - first
            blocks = block_starts[s + 1] - block_starts[s]
            maxima_of_terms = view_at(term_maxima, places[s, TERM_MAXIMA])
            if s == 0 or cut > 0 or not alike:  # else what they are for the segment before
                integer_weights(
                    terms, query_weights[first:last], maxima_of_terms, scale, strongest, cut, weights[:m], cuts[:m]
                )
            added, frequent_added, best_bounds[s] = accumulate(
                view_at(frequent_numbers, places[s, FREQUENT_NUMBERS]),
                view_at(frequent_weights, places[s, FREQUENT_WEIGHTS]).reshape((-1, blocks)),
                view_at(list_starts, places[s, LIST_STARTS]),
                view_at(list_blocks, places[s, LIST_BLOCKS]),
                view_at(list_weights, places[s, LIST_WEIGHTS]),
                maxima_of_terms,
                sizes[s, 0],
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
            # Each pass starts loading what the next one reads, in all segments: of one, too little is visited to wait.
            for s in range(segments):
                counts[s] = 0
                if best_bounds[s] < max(low, needed):
                    continue
                first, last = block_starts[s], block_starts[s + 1]
                counts[s] = gather(
                    accumulators[first:last],
                    maxima[first // CHUNK : last // CHUNK],
                    low,
                    high,
                    found,
                    histogram,
                    ordered[first:last],
                )
                for block in ordered[first : first + min(FAR, counts[s])]:
                    prefetch_offsets(
                        view_at(forward_indptr, places[s, FORWARD_INDPTR]),
                        view_at(document_rows, places[s, DOCUMENT_ROWS]),
                        sizes[s, 1],
                        block,
                    )
            for s in range(segments):
                for block in ordered[block_starts[s] : block_starts[s] + min(AHEAD, counts[s])]:
                    prefetch_block(
                        view_at(forward_indptr, places[s, FORWARD_INDPTR]),
                        view_at(forward_terms, places[s, FORWARD_TERMS]),
                        view_at(forward_weights, places[s, FORWARD_WEIGHTS]),
                        sizes[s, 1],
                        block,
                    )
            for s in range(segments):
                if stopped or not counts[s]:
                    continue
                first, last = _pairs(query_indptr, s, q)
                if not alike:
                    _fill(lookup, first, last, query_terms, query_turns, query_weights)
                heap_sizes[s], needed, stopped = visit_blocks(
                    view_at(forward_indptr, places[s, FORWARD_INDPTR]),
                    view_at(forward_terms, places[s, FORWARD_TERMS]),
                    view_at(forward_weights, places[s, FORWARD_WEIGHTS]),
                    view_at(forward_deficits, places[s, FORWARD_DEFICITS]),
                    view_at(forward_rare_indptr, places[s, FORWARD_RARE_INDPTR]),
                    view_at(forward_rare_turns, places[s, FORWARD_RARE_TURNS]),
                    sizes[s, 1],
                    view_at(document_rows, places[s, DOCUMENT_ROWS]),
                    accumulators[block_starts[s] : block_starts[s + 1]],
                    ordered[block_starts[s] : block_starts[s] + counts[s]],
                    needed,
                    factor,
                    max_blocks,
                    started,
                    budget,
                    allow[allow_starts[s] : allow_starts[s + 1]],
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
        for s in range(segments):
            for i in range(heap_sizes[s]):
                if heap_scores[s, i] >= least:
                    scores[q, count], rows[q, count] = heap_scores[s, i], row_starts[s] + heap_rows[s, i]
                    count += 1
        sort_positive_best_first(scores[q], rows[q], count)
        counters[q, 2], counters[q, 3], counters[q, 4] = state[VISITED], state[SCORED], count


@kernel(forceinline=True)
def _pairs(query_indptr, s, q):
    """Where the terms of query q begin and end, as segment s takes it."""
    own = min(s, query_indptr.shape[0] - 1)
    return query_indptr[own, q], query_indptr[own, q + 1]


@kernel
def _fill(lookup, first, last, query_terms, query_turns, query_weights):
    fill_lookup(lookup, query_terms[first:last], query_turns[first:last], query_weights[first:last])

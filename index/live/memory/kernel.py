"""Searching the rows in memory: bounds from inverted lists, scores from the forward index."""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.filter import is_allowed
from lsr.index.kernels.scoring import ForwardArguments, empty_lookup, fill_lookup, score_document
from lsr.index.kernels.selection import largest_of
from lsr.index.kernels.topk import offer

# Rows that are looked at one by one only if the highest of their bounds is high enough.
_RUN = 64


@kernel
def add_bounds(columns, starts, rows, weights, asked, asked_weights, sums):
    """Add to `sums` (float32, one for each row of a chunk) what each of a query's columns can add to a row's score.

    columns, starts, rows, weights: see `lsr.index.live.memory.chunks.Chunk`.
    asked: uint32 [m], ascending; asked_weights: float32 [m].
    """
    for i in range(asked.size):
        at, end = 0, columns.size
        while at < end:
            middle = (at + end) // 2
            if columns[middle] < asked[i]:
                at = middle + 1
            else:
                end = middle
        if at < columns.size and columns[at] == asked[i]:
            for p in range(np.uint64(starts[at]), np.uint64(starts[at + 1])):
                sums[rows[p]] += asked_weights[i] * np.float32(weights[p])


@kernel
def count_live(indptr, values, dead, counts):
    """Add to counts (int64) how many of the rows that are not `dead` (a bitmap) hold each value.

    indptr: int64 [rows + 1]; values: uint32, each once in a row.
    """
    for row in range(indptr.size - 1):
        if (dead[row >> 3] >> (row & 7)) & 1 == 0:
            for p in range(indptr[row], indptr[row + 1]):
                counts[values[p]] += 1


SEARCH_MEMORY_GROUPS = (ForwardArguments,)


@kernel
def search_memory(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    terms,
    term_turns,
    term_weights,
    allow,
    tail,
    slack,
    least,
    lookup,
    sums,
    heap_scores,
    heap_rows,
    scores,
    rows,
):
    """Fill `scores` and `rows` with every row that scores as much as the k-th best, or more; return how many.

    forward_*, lookup: see `lsr.index.kernels.scoring`; lookup is empty before and after.
    terms: uint32 [m], ascending; term_turns: int32, empty; term_weights: float32 [m].
    allow: bitmap of rows, or empty.
    tail: the first row that is in no chunk. sums: float32 [rows]: times `slack` no less than the score of a row before
    the tail; overwritten. slack: float32, for what rounding may have taken from a sum.
    least: float32: rows that score less are not wanted, nor those of a score of 0.
    heap_scores: float32 [2 k], heap_rows: int64 [2 k]: scratch. scores: float32 [rows]; rows: int64 [rows], ascending.
    """
    fill_lookup(lookup, terms, term_turns, term_weights)
    documents, k = forward_indptr.size - 1, heap_scores.size // 2
    bounds, bound_rows = heap_scores[:k], heap_rows[:k]
    best, best_rows = heap_scores[k:], heap_rows[k:]
    for row in range(tail, documents):
        if is_allowed(allow, row):
            sums[row] = score_document(
                forward_indptr,
                forward_terms,
                forward_weights,
                forward_deficits,
                forward_rare_indptr,
                forward_rare_turns,
                row,
                lookup,
            )
    # The scores of the k rows of the highest bounds, or the k-th of them: as much as the k-th best has.
    # Floats that are not negative stand in the order of their bits, of which many are compared at once.
    bits, bound_bits = sums.view(np.uint32), heap_scores.view(np.uint32)
    size = 0
    # Whoever knows what is wanted at least has a higher one, as a rule.
    for start in range(0, 0 if least > 0 else documents, _RUN):
        stop = min(start + _RUN, documents)
        if size == k and largest_of(bits[start:stop]) <= bound_bits[0]:
            continue
        for row in range(start, stop):
            bound = sums[row]
            if bound > 0 and (size < k or bound > bounds[0]) and is_allowed(allow, row):
                size = offer(bounds, bound_rows, size, bound, row)
    reached = 0
    for i in range(size):
        score = score_document(
            forward_indptr,
            forward_terms,
            forward_weights,
            forward_deficits,
            forward_rare_indptr,
            forward_rare_turns,
            bound_rows[i],
            lookup,
        )
        reached = offer(best, best_rows, reached, score, bound_rows[i])
    if reached == k:
        least = max(least, best[0])
    # No bound below this reaches `least` once it is multiplied by `slack`, however that is rounded.
    heap_scores[0] = least / (slack * slack)
    floor, found = bound_bits[0], 0
    for start in range(0, documents, _RUN):
        stop = min(start + _RUN, documents)
        if largest_of(bits[start:stop]) < floor:
            continue
        for row in range(start, stop):
            if sums[row] > 0 and sums[row] * slack >= least and is_allowed(allow, row):
                score = score_document(
                    forward_indptr,
                    forward_terms,
                    forward_weights,
                    forward_deficits,
                    forward_rare_indptr,
                    forward_rare_turns,
                    row,
                    lookup,
                )
                if score > 0 and score >= least:
                    scores[found] = score
                    rows[found] = row
                    found += 1
    empty_lookup(lookup, terms)
    return found

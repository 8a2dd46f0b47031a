"""Fusing two rankings: joining them, completing scores best bound first, keeping the k best.

One call for all of it: between two searches whose data fills the processor's cache, every step in Python is slow.
"""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.inner_products import inner_product
from lsr.index.kernels.scoring import ForwardArguments, empty_lookup, fill_lookup, score_document
from lsr.index.kernels.topk import offer, sort_best_first

FUSE_RANKINGS_GROUPS = (ForwardArguments,)


@kernel
def fuse_rankings(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    left,
    left_scores,
    right,
    right_scores,
    sides,
    divisors,
    k,
    row_positions,
    terms,
    term_turns,
    term_weights,
    lookup,
    vectors,
    query,
    completes,
):
    """The k best of a sparse ranking (left) and a dense one.

    left, right: int64 rows, best first, each row at most once; left_scores, right_scores: their float32 scores.
    sides: float64 [2, 4]: shift, factor and share of each side, and the assumed score of a row that the side lacks,
        whose rank is 0. A contribution is share * ((score - shift) * factor) or, with `divisors`, share /
        divisors[rank - 1], and 0 for rank 0.
    divisors: float64 [n], n not below any rank; empty to add scores.
    completes: replace assumed scores, which then must not be below the true ones, by the true ones until no other row
        can be among the best. Otherwise these scores become NaN.
    forward_*, row_positions, lookup: see `lsr.index.engines.direct.kernel`; terms, term_turns, term_weights: the
        sparse query, empty if the assumed scores of rows that the left lacks are known to be true.
    vectors: float32 [documents * dim]; query: float32 [dim].

    Returns rows int64 [n], fused scores float64 [n], ranks from 1 int64 [2, n], scores of the sides float32 [2, n] and
    contributions float64 [2, n] of the n ≤ k best, best first, ties in row order.
    """
    rows, ranks, scores = _join(left, left_scores, right, right_scores, sides[0, 3], sides[1, 3])
    contributions = np.zeros(scores.shape)
    for side in range(2):
        for at in range(rows.size):
            if divisors.size == 0:
                contributions[side, at] = _contribution(scores[side, at], sides[side])
            elif ranks[side, at] > 0:
                contributions[side, at] = sides[side, 2] / divisors[ranks[side, at] - 1]
    most = min(k, rows.size)
    best_scores, best_places = np.empty(most), np.empty(most, np.int64)
    # Rows ascend, so places decide ties.
    size = 0
    if completes:
        dim = query.size
        fill_lookup(lookup, terms, term_turns, term_weights)
        # Stable, so that the same documents are kept whatever the others are.
        for at in np.argsort(-(contributions[0] + contributions[1]), kind="mergesort"):
            if size == most and contributions[0, at] + contributions[1, at] < best_scores[0]:
                break
            if ranks[0, at] == 0 and terms.size:
                position = np.int64(row_positions[rows[at]])
                scores[0, at] = score_document(
                    forward_indptr,
                    forward_terms,
                    forward_weights,
                    forward_deficits,
                    forward_rare_indptr,
                    forward_rare_turns,
                    position,
                    lookup,
                )
                contributions[0, at] = _contribution(scores[0, at], sides[0])
            if ranks[1, at] == 0:
                scores[1, at] = inner_product(vectors, rows[at] * dim, query)
                contributions[1, at] = _contribution(scores[1, at], sides[1])
            size = offer(best_scores, best_places, size, contributions[0, at] + contributions[1, at], at)
        empty_lookup(lookup, terms)
    else:
        for at in range(rows.size):
            for side in range(2):
                if ranks[side, at] == 0:
                    scores[side, at] = np.nan
            size = offer(best_scores, best_places, size, contributions[0, at] + contributions[1, at], at)
    sort_best_first(best_scores, best_places, size)
    places = best_places[:size]
    return rows[places], best_scores[:size], ranks[:, places], scores[:, places], contributions[:, places]


@kernel
def _contribution(score, side):
    return side[2] * ((np.float64(score) - side[0]) * side[1])


@kernel
def _join(left, left_scores, right, right_scores, left_absent, right_absent):
    """The distinct rows of two rankings, ascending: rows [n], ranks [2, n], scores [2, n]."""
    by_left, by_right = np.argsort(left), np.argsort(right)
    most = left.size + right.size
    rows, ranks, scores = np.empty(most, np.int64), np.zeros((2, most), np.int64), np.empty((2, most), np.float32)
    scores[0], scores[1] = left_absent, right_absent
    i, j, count = 0, 0, 0
    while i < left.size or j < right.size:
        take_left = j == right.size or (i < left.size and left[by_left[i]] <= right[by_right[j]])
        take_right = i == left.size or (j < right.size and right[by_right[j]] <= left[by_left[i]])
        rows[count] = left[by_left[i]] if take_left else right[by_right[j]]
        if take_left:
            ranks[0, count], scores[0, count] = by_left[i] + 1, left_scores[by_left[i]]
            i += 1
        if take_right:
            ranks[1, count], scores[1, count] = by_right[j] + 1, right_scores[by_right[j]]
            j += 1
        count += 1
    return rows[:count], ranks[:, :count], scores[:, :count]

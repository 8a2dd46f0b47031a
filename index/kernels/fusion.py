"""Joining two rankings."""

import numpy as np

from lsr.index.kernels.jit import kernel


@kernel
def join_rankings(left, left_scores, right, right_scores, absent, rows, ranks, scores):
    """Fill `rows` with the different rows of two rankings, ascending, with ranks and scores in each; return how many.

    left, right: int64, no row twice in one; left_scores, right_scores: float32, theirs.
    absent: float32 [2]: the score that stands for a row that the left or the right ranking lacks; its rank is 0.
    rows: int64 [n], ranks: int64 [2, n], counted from 1, scores: float32 [2, n], where n = left.size + right.size.
    """
    by_left, by_right = np.argsort(left), np.argsort(right)
    i, j, count = 0, 0, 0
    while i < left.size or j < right.size:
        take_left = j == right.size or (i < left.size and left[by_left[i]] <= right[by_right[j]])
        take_right = i == left.size or (j < right.size and right[by_right[j]] <= left[by_left[i]])
        rows[count] = left[by_left[i]] if take_left else right[by_right[j]]
        ranks[0, count], ranks[1, count] = 0, 0
        scores[0, count], scores[1, count] = absent[0], absent[1]
        if take_left:
            ranks[0, count], scores[0, count] = by_left[i] + 1, left_scores[by_left[i]]
            i += 1
        if take_right:
            ranks[1, count], scores[1, count] = by_right[j] + 1, right_scores[by_right[j]]
            j += 1
        count += 1
    return count

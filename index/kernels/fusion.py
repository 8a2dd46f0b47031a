"""Joining two rankings."""

import numpy as np

from lsr.index.kernels.jit import kernel


@kernel
def join_rankings(left, right, rows, left_ranks, right_ranks):
    """Fill `rows` with the different rows of two rankings, ascending, and their ranks in each; return how many.

    left, right: int64, no row twice in one; rows, left_ranks, right_ranks: int64 [left.size + right.size]. Ranks count
    from 1; 0 stands for a row that a ranking lacks.
    """
    by_left, by_right = np.argsort(left), np.argsort(right)
    i, j, count = 0, 0, 0
    while i < left.size or j < right.size:
        take_left = j == right.size or (i < left.size and left[by_left[i]] <= right[by_right[j]])
        take_right = i == left.size or (j < right.size and right[by_right[j]] <= left[by_left[i]])
        rows[count] = left[by_left[i]] if take_left else right[by_right[j]]
        left_ranks[count] = by_left[i] + 1 if take_left else 0
        right_ranks[count] = by_right[j] + 1 if take_right else 0
        if take_left:
            i += 1
        if take_right:
            j += 1
        count += 1
    return count

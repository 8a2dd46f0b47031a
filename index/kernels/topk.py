"""The k best (score, row) pairs in a binary heap with the worst at the root.

Higher scores are better; of equal scores the lower row is better. This order is total, so the outcome does not depend
on the order of the offers.

    scores: float32 [k]     rows: int64 [k]     size: how many of them are filled
"""

import numpy as np

from lsr.core.jit import kernel

# So many are sorted faster by insertion.
_FEW = 32
_LAST_ROW = np.uint64(0xFFFF_FFFF)


@kernel
def is_worse(score, row, other_score, other_row):
    """Whether (score, row) ranks below (other_score, other_row)."""
    return score < other_score or (score == other_score and row > other_row)


@kernel
def _sift_down(scores, rows, size, score, row):
    """Put (score, row) at the root of the heap and let it sink to its place."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and is_worse(scores[child + 1], rows[child + 1], scores[child], rows[child]):
            child += 1
        if is_worse(score, row, scores[child], rows[child]):
            break
        scores[at] = scores[child]
        rows[at] = rows[child]
        at = child
    scores[at] = score
    rows[at] = row


@kernel
def offer(scores, rows, size, score, row):
    """Offer a pair to the heap; return its new size."""
    if size < scores.size:
        at = size
        while at > 0:
            parent = (at - 1) // 2
            if not is_worse(score, row, scores[parent], rows[parent]):
                break
            scores[at] = scores[parent]
            rows[at] = rows[parent]
            at = parent
        scores[at] = score
        rows[at] = row
        return size + 1
    if is_worse(scores[0], rows[0], score, row):
        _sift_down(scores, rows, size, score, row)
    return size


@kernel
def sort_best_first(scores, rows, size):
    """Sort the heap in place, best first."""
    for end in range(size - 1, 0, -1):
        score, row = scores[end], rows[end]
        scores[end], rows[end] = scores[0], rows[0]
        _sift_down(scores, rows, end, score, row)


@kernel
def sort_positive_best_first(scores, rows, size):
    """Sort positive float32 scores, and rows below 2^32, in any order before; faster than `sort_best_first` of many.

    The bits of positive floats ascend as they do, so score and row make one whole number to compare.
    """
    if size <= _FEW:
        for i in range(1, size):
            score, row, at = scores[i], rows[i], i
            while at > 0 and is_worse(scores[at - 1], rows[at - 1], score, row):
                scores[at], rows[at] = scores[at - 1], rows[at - 1]
                at -= 1
            scores[at], rows[at] = score, row
        return
    keys, bits = np.empty(size, np.uint64), scores[:size].view(np.uint32)
    for i in range(size):
        keys[i] = (np.uint64(bits[i]) << np.uint64(32)) | (_LAST_ROW - np.uint64(rows[i]))
    keys.sort()
    for i in range(size):
        key = keys[size - 1 - i]
        bits[i] = key >> np.uint64(32)
        rows[i] = _LAST_ROW - (key & _LAST_ROW)

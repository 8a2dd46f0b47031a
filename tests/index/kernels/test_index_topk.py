"""The k best pairs of score and row, whatever the order in which they are offered."""

import numpy as np
import pytest

from lsr.index.kernels.topk import offer, sort_best_first, sort_positive_best_first


@pytest.mark.parametrize("sort", [sort_best_first, sort_positive_best_first])
@pytest.mark.parametrize("k", [1, 10, 32, 33, 500])
def test_the_best_are_kept_and_sorted(sort, k):
    random = np.random.default_rng(k)
    # Many are equal, some as small as floats get, and rows as large as they get.
    offered = random.choice(np.array([1e-45, 1e-38, 0.1, 0.5, 2.0, 3.4e38], np.float32), 400)
    numbers = random.choice(2**32, 400, replace=False)
    numbers[:2] = 0, 2**32 - 1
    scores, rows, size = np.empty(k, np.float32), np.empty(k, np.int64), 0
    for score, row in zip(offered, numbers, strict=True):
        size = offer(scores, rows, size, score, row)
    sort(scores, rows, size)
    expected = np.lexsort((numbers, -offered))[:k]
    assert size == min(k, 400)
    np.testing.assert_array_equal(rows[:size], numbers[expected])
    np.testing.assert_array_equal(scores[:size], offered[expected])


def test_scores_of_two_signs_in_float64_are_sorted():
    offered = np.array([-1.5, 2.0, 0.0, 2.0, -1e-300] * 20)
    order = np.lexsort((np.arange(100), -offered))
    scores, rows, size = np.empty(100), np.empty(100, np.int64), 0
    for row, score in enumerate(offered):
        size = offer(scores, rows, size, score, row)
    sort_best_first(scores, rows, size)
    np.testing.assert_array_equal(rows, order)
    np.testing.assert_array_equal(scores, offered[order])

"""Finding the largest accumulators, against numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.index.kernels.selection import BUCKETS, CHUNK, chunk_maxima, gather, threshold

DTYPES = {np.uint16: 1 << 16, np.uint32: 1 << 32}


def accumulators(dtype: type, seed: int, chunks: int, spread: float) -> npt.NDArray:
    """Mostly small values, some zeros, some as large as the type can hold."""
    random = np.random.default_rng(seed)
    top = DTYPES[dtype] - 1
    values = np.minimum(random.exponential(spread * top, chunks * CHUNK), top).astype(dtype)
    values[random.random(len(values)) < 0.3] = 0
    values[random.random(len(values)) < 0.01] = top
    return values


@settings(max_examples=100, deadline=None)
@given(
    dtype=st.sampled_from(list(DTYPES)),
    seed=st.integers(0, 2**32),
    chunks=st.integers(1, 40),
    spread=st.sampled_from([0.0, 1e-4, 0.01, 0.3]),
    wanted=st.integers(1, 50),
    cuts=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_threshold_and_gather(
    dtype: type, seed: int, chunks: int, spread: float, wanted: int, cuts: tuple[float, float]
) -> None:
    values = accumulators(dtype, seed, chunks, spread)
    maxima, histogram = np.empty(chunks, dtype), np.empty(BUCKETS, np.int64)
    largest = chunk_maxima(values, maxima)
    assert maxima.tolist() == values.reshape(-1, CHUNK).max(axis=1).tolist()
    assert largest == values.max()

    level = threshold(maxima, largest, wanted, histogram)
    bucket = largest // (BUCKETS // 2) + 1
    assert level >= 1
    assert (maxima >= level).sum() >= min(wanted, (maxima > 0).sum())
    assert (maxima >= level + bucket).sum() < wanted or level == 1

    end = DTYPES[dtype]
    for low, high in (sorted(1 + int(cut * (end - 1)) for cut in cuts), (level, end), (1, end)):
        found, ordered = np.empty((2, len(values)), np.uint32)
        count = gather(values, maxima, low, high, found.copy(), histogram, ordered)
        inside = np.flatnonzero((values >= low) & (values < high))
        assert sorted(ordered[:count].tolist()) == inside.tolist()
        if count:
            best_first = values[ordered[:count]].astype(np.int64)
            # Nothing that comes later is larger by more than a bucket.
            later = np.maximum.accumulate(best_first[::-1])[::-1]
            assert (later - best_first).max() <= (best_first.max() - low) // (BUCKETS // 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_but_zeros_and_nothing_but_the_largest(dtype: type) -> None:
    top = DTYPES[dtype] - 1
    maxima, histogram = np.empty(2, dtype), np.empty(BUCKETS, np.int64)
    found, ordered = np.empty(2 * CHUNK, np.uint32), np.empty(2 * CHUNK, np.uint32)
    for value, count in ((0, 0), (top, 2 * CHUNK)):
        values = np.full(2 * CHUNK, value, dtype)
        assert chunk_maxima(values, maxima) == value
        level = threshold(maxima, value, 1, histogram)
        assert max(value - value // (BUCKETS // 2), 1) <= level <= max(value, 1)
        assert gather(values, maxima, level, top + 1, found, histogram, ordered) == count
        assert ordered[:count].tolist() == list(range(count))

"""The ensemble of arXiv:2411.04403, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr.core.errors import InputError
from lsr.training.teachers import combine, normalise


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_by_hand() -> None:
    # Spread over 0 … 1: (1, 0.25, 0) and (0, 1, 0.5) for the first query, (1, 0) and nothing to tell for the second.
    bm25 = [scores(20, 14, 12), scores(3, 1)]
    dense = [scores(0.5, 0.9, 0.7), scores(0.8, 0.8)]
    first, second = combine([bm25, dense])
    np.testing.assert_allclose(first, [15, 18.75, 7.5], atol=1e-3)
    np.testing.assert_allclose(second, [15, 0], atol=1e-3)
    assert first.dtype == np.float32

    first, _ = combine([bm25, dense], weights=[3, 1], scale=8)
    np.testing.assert_allclose(first, [6, 3.5, 1], atol=1e-3)


def test_the_papers_constant_stands_in_the_denominator() -> None:
    np.testing.assert_allclose(normalise(scores(3e-6, 1e-6)), [2 / 3, 0], rtol=1e-6)


def test_one_candidate_or_equal_ones_score_zero() -> None:
    assert combine([[scores(7)], [scores(-1)]])[0].tolist() == [0]
    assert normalise(scores(5, 5, 5)).tolist() == [0, 0, 0]
    assert len(normalise(scores())) == 0


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=9),
    st.floats(0.5, 20),
    st.floats(-50, 50),
)
def test_a_teachers_scale_does_not_matter(values: list[float], factor: float, shift: float) -> None:
    given_scores = np.array(values, np.float32)
    moved = (given_scores * factor + shift).astype(np.float32)
    found = normalise(given_scores)
    assert (found >= 0).all() and (found <= 1).all()
    # What float32 cannot tell apart once it is moved cannot come back.
    tolerance = 1e-5 + 1e-4 / max(float(np.ptp(given_scores)), 1e-6)
    np.testing.assert_allclose(found, normalise(moved), atol=tolerance)


def test_what_is_refused() -> None:
    for weights in ([1], [1, 0], [1, -1], [1, float("nan")]):
        with pytest.raises(InputError, match="2 weights above zero"):
            combine([[scores(1)], [scores(2)]], weights=weights)
    with pytest.raises(InputError, match="query 1"):
        combine([[scores(1), scores(1, 2)], [scores(2), scores(2)]])

"""What a teacher takes for an answer is no negative."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr.core.errors import InputError
from lsr.training.negatives import TeacherMargin


def passes(margin: TeacherMargin, positives: list[float], candidates: list[float]) -> list[bool]:
    return margin.passes(np.array(positives, np.float32), np.array(candidates, np.float32)).tolist()


def test_by_hand() -> None:
    candidates = [0.9, 0.77, 0.75, 0.3, -1.0]
    assert passes(TeacherMargin(ratio=0.95), [0.8], candidates) == [False, False, True, True, True]
    assert passes(TeacherMargin(margin=0.25), [0.8], candidates) == [False, False, False, True, True]
    assert passes(TeacherMargin(most=0.0), [0.8], candidates) == [False, False, False, False, True]
    assert passes(TeacherMargin(ratio=0.95, margin=0.0, most=0.76), [0.8], candidates) == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert passes(TeacherMargin(margin=0.0), [0.8, 0.5, 0.9], [0.6, 0.5, 0.4]) == [False, True, True]  # the least, 0.5


def test_a_ratio_stays_below_a_positive_that_is_below_zero() -> None:
    # 0.95 * -0.5 = -0.475 would let a candidate through that is nearer than the positive.
    assert passes(TeacherMargin(ratio=0.95), [-0.5], [-0.49, -0.51, -0.53]) == [False, False, True]


@given(
    st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=4),
    st.lists(st.floats(-50, 50, width=32), max_size=8),
    st.floats(0, 1),
    st.floats(0, 10),
)
def test_no_candidate_above_the_positive_passes(
    positives: list[float], candidates: list[float], ratio: float, margin: float
) -> None:
    for rule in (TeacherMargin(ratio=ratio), TeacherMargin(margin=margin)):
        for candidate, passed in zip(candidates, passes(rule, positives, candidates), strict=True):
            assert not passed or candidate <= min(positives) + 1e-6


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="needs a ratio"):
        TeacherMargin()
    with pytest.raises(InputError, match="finite"):
        TeacherMargin(ratio=float("nan"))

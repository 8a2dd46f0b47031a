from __future__ import annotations

import numpy as np
import pytest

from lsr.eval.measures.calibration import Bin, brier_score, calibration_error, reliability

SAID = np.array([0.05, 0.15, 0.15, 0.9, 1.0])
RELEVANT = np.array([0.0, 0.0, 1.0, 1.0, 1.0])


def test_bins_hold_what_lies_in_their_tenth_and_the_last_one_its_end() -> None:
    found = reliability(SAID, RELEVANT)
    assert [each.documents for each in found] == [1, 2, 2]
    assert found[0] == Bin(1, 0.05, 0.0)
    assert found[1].said == pytest.approx(0.15) and found[1].is_relevant == 0.5
    assert found[2].said == pytest.approx(0.95) and found[2].is_relevant == 1


def test_the_calibration_error_is_the_mean_distance_of_bins() -> None:
    assert calibration_error(SAID, RELEVANT) == pytest.approx((1 * 0.05 + 2 * 0.35 + 2 * 0.05) / 5)
    assert calibration_error(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0
    assert calibration_error(np.empty(0), np.empty(0)) == 0


def test_the_brier_score_is_the_mean_squared_difference() -> None:
    assert brier_score(SAID, RELEVANT) == pytest.approx((0.0025 + 0.0225 + 0.7225 + 0.01 + 0) / 5)
    assert brier_score(np.empty(0), np.empty(0)) == 0

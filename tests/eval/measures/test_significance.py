"""Intervals and tests, against scipy and what can be worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from lsr.eval.measures.significance import (
    effect_size,
    holm,
    mean_interval,
    paired_t_test,
    power,
    queries_needed,
    randomisation_test,
)

FIRST = np.array([0.1, 0.5, 0.3, 0.9, 0.4, 0.7, 0.2, 0.6])
SECOND = np.array([0.2, 0.7, 0.3, 0.8, 0.9, 0.8, 0.5, 0.6])


def test_an_interval_is_that_of_student() -> None:
    low, high = stats.t.interval(0.95, len(FIRST) - 1, FIRST.mean(), stats.sem(FIRST))
    assert mean_interval(FIRST) == pytest.approx((low, high))
    assert mean_interval(FIRST[:1]) is None


def test_the_paired_t_test_is_that_of_scipy() -> None:
    assert paired_t_test(FIRST, SECOND) == pytest.approx(stats.ttest_rel(FIRST, SECOND).pvalue)
    assert paired_t_test(SECOND, FIRST) == pytest.approx(paired_t_test(FIRST, SECOND))


def test_randomisation_comes_to_the_share_of_all_signs() -> None:
    differences = FIRST - SECOND
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=len(differences))]
    exact = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-9)
    found = randomisation_test(FIRST, SECOND, seed=1)
    assert found == pytest.approx(exact, abs=0.015)
    assert found == randomisation_test(FIRST, SECOND, seed=1) == randomisation_test(SECOND, FIRST, seed=1)
    assert randomisation_test(FIRST, FIRST) == 1.0
    assert randomisation_test(np.ones(60), np.zeros(60)) == 1 / 10_001  # the observed one counts


def test_holm_by_hand() -> None:
    # Smallest first: 3 × 0.01, 2 × 0.02, 1 × 0.04; none may be below the one before.
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


def test_effect_size_by_hand() -> None:
    assert effect_size(np.array([1.0, 3.0]), np.zeros(2)) == pytest.approx(2 / np.sqrt(2))
    assert effect_size(np.ones(3), np.zeros(3)) == effect_size(np.ones(1), np.zeros(1)) == 0.0


@pytest.mark.parametrize(("effect", "queries", "found"), [(0.5, 34, 0.8078), (0.2, 199, 0.8017), (0.8, 15, 0.8213)])
def test_power_is_that_of_published_tables(effect: float, queries: int, found: float) -> None:
    """Cohen's small, medium and large effects: the numbers that his tables and G*Power give for a power of 0.80."""
    assert power(effect, queries) == power(-effect, queries) == pytest.approx(found, abs=5e-5)
    assert queries_needed(effect) == queries
    assert power(effect, queries - 1) < 0.8


def test_power_is_that_of_the_noncentral_t_distribution() -> None:
    for effect, queries, level in ((0.1, 100, 0.05), (0.3, 50, 0.01), (1.5, 4, 0.05), (0.05, 6980, 0.05)):
        threshold = stats.t.ppf(1 - level / 2, queries - 1)
        moved = stats.nct(queries - 1, effect * np.sqrt(queries))
        assert power(effect, queries, level) == pytest.approx(moved.sf(threshold) + moved.cdf(-threshold), abs=1e-9)


def test_power_by_simulation() -> None:
    random = np.random.default_rng(5)
    draws = random.normal(0.4, 1, (4000, 30))
    found = np.mean([paired_t_test(each, np.zeros(30)) < 0.05 for each in draws])
    assert power(0.4, 30) == pytest.approx(found, abs=0.025)


def test_power_at_its_ends() -> None:
    assert power(0.0, 50) == pytest.approx(0.05)  # what is found by chance
    assert power(0.5, 1) == 0.0
    assert power(2.0, 10_000) == power(50.0, 100) == 1.0
    assert queries_needed(0.0) is None and queries_needed(50.0) == 2
    assert queries_needed(0.5, wanted=0.9) == 44

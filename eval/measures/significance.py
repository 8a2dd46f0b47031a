"""Whether two systems differ by more than chance: intervals, paired tests, corrections, effect sizes, power.

The unit is the query: all functions take the scores of the same queries in the same order, float64 [n].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

_PERMUTATIONS = 10_000
_AT_ONCE = 1 << 22
_CERTAIN = 12.0
_MOST_QUERIES = 100_000_000


def mean_interval(values: Values, confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval of the mean over queries; None for fewer than two.

    It is of the mean over queries like these, not of the collection's own, which is known.
    """
    from scipy.special import stdtrit

    if len(values) < 2:
        return None
    mean = float(values.mean())
    half = float(stdtrit(len(values) - 1, (1 + confidence) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean - half, mean + half


def paired_t_test(first: Values, second: Values) -> float:
    """Two-sided p-value of the paired t-test over queries; 1.0 if the two never differ or there is only one query.

    Differences that are all the same, up to rounding, vary too little to test: 0.0. Smucker, Allan and Carterette (CIKM
    2007) find it to agree with the randomisation test on retrieval scores.
    """
    from scipy.special import stdtr

    if len(first) < 2 or np.array_equal(first, second):
        return 1.0
    differences = first - second
    if np.ptp(differences) <= 1e-12 * np.abs(differences).max():
        return 0.0
    t = differences.mean() / (differences.std(ddof=1) / np.sqrt(len(differences)))
    return float(2 * stdtr(len(differences) - 1, -abs(t)))


def randomisation_test(first: Values, second: Values, seed: int = 0, permutations: int = _PERMUTATIONS) -> float:
    """Two-sided p-value of Fisher's randomisation test: how often the mean difference is as large with signs by chance.

    The signs come from `seed`, and the observed ones count as one of the draws, so that p is never 0.
    """
    differences = first - second
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0
    random = np.random.default_rng(seed)
    observed, reached, left = abs(differences.sum()), 1, permutations
    # Sums in another order differ in their last digits.
    least = observed - 1e-12 * np.abs(differences).sum()
    while left:
        rows = min(left, max(1, _AT_ONCE // len(differences)))
        signs = random.integers(0, 2, (rows, len(differences)), dtype=np.int8)
        # Of the positive ones alone: the sum of all signed is twice that, less the sum.
        sums = 2 * (signs.astype(np.float64) @ differences) - differences.sum()
        reached += int((np.abs(sums) >= least).sum())
        left -= rows
    return reached / (permutations + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number by Holm's step-down procedure (1979), in the same order."""
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[at]))
        corrected[at] = highest
    return corrected


def effect_size(first: Values, second: Values) -> float:
    """Cohen's d of paired differences: their mean by their standard deviation; 0.0 if they do not vary."""
    differences = first - second
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return float(differences.mean()) / spread if spread > 0 else 0.0


def power(effect: float, queries: int, level: float = 0.05) -> float:
    """How likely the two-sided paired t-test finds a true effect of this size, Cohen's d, with so many queries.

    1 - P(-c < T < c), where T has Student's distribution with n - 1 degrees of freedom, moved by d √n, and c is the
    test's threshold (Cohen 1988). What is computed from the effect that was observed says no more than its p; of use is
    how many queries it would take. 0.0 for fewer than two queries.
    """
    from scipy.special import nctdtr, stdtrit

    if queries < 2:
        return 0.0
    freedom, moved = queries - 1, abs(effect) * float(np.sqrt(queries))
    threshold = float(stdtrit(freedom, 1 - level / 2))
    # The series behind nctdtr gives up far out, where nothing is left to find.
    if moved - threshold > _CERTAIN:
        return 1.0
    return float(1 - nctdtr(freedom, moved, threshold) + nctdtr(freedom, moved, -threshold))


def queries_needed(effect: float, wanted: float = 0.8, level: float = 0.05) -> int | None:
    """The least number of queries with which the test finds an effect of this size as likely as `wanted`.

    None if a hundred million would not do, as for no effect.
    """
    low, high = 1, 2
    while power(effect, high, level) < wanted:
        low, high = high, 2 * high
        if low > _MOST_QUERIES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power(effect, middle, level) < wanted:
            low = middle
        else:
            high = middle
    return high

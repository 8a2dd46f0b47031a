"""Logistic regression, by Newton's method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

_STEPS = 100
_CLOSE = 1e-10
# So that classes that can be told apart without a fault have finite weights. Of standardised features.
_RIDGE = 1e-2


class Fitted(NamedTuple):
    """A logistic function: 1 / (1 + exp(-(intercept + the weighted sum of the features)))."""

    intercept: float
    weights: tuple[float, ...]


def fit_logistic(table: Values, labels: Values, weights: Values, *, rising: Sequence[bool]) -> Fitted:
    """The logistic function that says best how likely a label is 1.

    `table` [n, features], `labels` [n] of 0 and 1, `weights` [n] of the rows. A feature that is to be `rising` and
    would have a negative weight is left out: it gets the weight 0.
    """
    used = np.ones(table.shape[1], bool)
    means = np.average(table, axis=0, weights=weights)
    spread = np.sqrt(np.average((table - means) ** 2, axis=0, weights=weights))
    spread = np.where(spread < 1e-12, 1.0, spread)
    while True:
        standard = np.column_stack([np.ones(len(table)), ((table - means) / spread)[:, used]])
        found = _newton(standard, labels, weights)
        falls = np.zeros(len(used), bool)
        falls[used] = found[1:] < 0
        falls &= np.asarray(rising, bool)
        if not falls.any():
            break
        used &= ~falls
    slopes = np.zeros(len(used))
    slopes[used] = found[1:] / spread[used]
    return Fitted(float(found[0] - slopes @ means), tuple(slopes.tolist()))


def _newton(table: Values, labels: Values, weights: Values) -> Values:
    found = np.zeros(table.shape[1])
    ridge = np.full(len(found), _RIDGE)
    ridge[0] = 1e-6
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-np.clip(table @ found, -50, 50)))
        slope = table.T @ (weights * (said - labels)) + ridge * found
        curve = (table * (weights * said * (1 - said))[:, None]).T @ table + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        found = found - step
        if np.abs(step).max() < _CLOSE:
            break
    return found

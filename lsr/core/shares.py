"""The parts of a weighted mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lsr.core.errors import InputError


def mean_shares(count: int, weights: Sequence[float] | None, of: str) -> list[float]:
    """Shares of a weighted mean, which sum to one; equal without weights. `of` names what is averaged.

    InputError unless there is one weight above zero for each.
    """
    weights = [1.0] * count if weights is None else list(weights)
    if len(weights) != count or not all(0 < weight < math.inf for weight in weights):
        raise InputError(f"{count} {of} need {count} weights above zero, not {weights}")
    return [weight / sum(weights) for weight in weights]

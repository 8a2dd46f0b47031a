"""How well relevances from 0 to 1 say how often documents are relevant: reliability, calibration error, Brier score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

BINS = 10


class Bin(NamedTuple):
    """The documents whose relevance lies in one tenth: how many, their mean relevance, the share that is relevant."""

    documents: int
    said: float
    is_relevant: float


def reliability(relevance: Values, relevant: Values, bins: int = BINS) -> list[Bin]:
    """The bins of equal width that hold documents, lowest first: what a reliability diagram shows.

    `relevance` float64 [n] from 0 to 1; `relevant` float64 [n] of 0 and 1.
    """
    places = np.minimum((np.asarray(relevance) * bins).astype(np.int64), bins - 1)
    return [
        Bin(
            int(np.sum(places == each)), float(relevance[places == each].mean()), float(relevant[places == each].mean())
        )
        for each in range(bins)
        if (places == each).any()
    ]


def calibration_error(relevance: Values, relevant: Values, bins: int = BINS) -> float:
    """The expected calibration error: how far bins are off, on average over documents (Naeini et al., AAAI 2015)."""
    found = reliability(relevance, relevant, bins)
    total = sum(each.documents for each in found)
    return sum(each.documents * abs(each.said - each.is_relevant) for each in found) / max(total, 1)


def brier_score(relevance: Values, relevant: Values) -> float:
    """The mean squared difference (Brier 1950); 0 is best."""
    return float(np.mean((np.asarray(relevance) - np.asarray(relevant)) ** 2)) if len(relevance) else 0.0

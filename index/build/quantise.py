"""From float weights to the bytes that an index stores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.index.format.arrays import ArrayWriter
from lsr.index.format.weights import HEAVIEST_STEP, quantise

_QUANTISE_AT_A_TIME = 1 << 22
# Beyond so many times the weight that one in _MANY exceeds, a weight is an outlier. Of fewer weights, the second
# heaviest may be light by chance.
FAR, FAR_OF_FEW = 8, 64
_MANY = 1000
# Beyond, the scale or the scores of usual queries would leave the range of float32.
_HEAVIEST = (float(np.float32(1e-30)), float(np.float32(1e30)))


@dataclass(frozen=True, slots=True)
class WeightScale:
    """How weights become bytes.

    Attributes:
        step: the weight that a stored 1 stands for.
        heaviest: of all weights.
        limit: what a stored 255 stands for: `heaviest`, unless that is an outlier.
        above: how many weights are outliers, and stored as the limit.
    """

    step: float
    heaviest: float
    limit: float
    above: int = 0

    @classmethod
    def of_record(cls, step: float, record: Mapping[str, Any]) -> WeightScale:
        """Inverse of `record`."""
        return cls(step, record["heaviest"], record["limit"], record["weights"])

    def record(self) -> dict[str, Any] | None:
        """What the manifest says of outliers, as JSON values; None where there are none."""
        if not self.above:
            return None
        return {"weights": self.above, "heaviest": self.heaviest, "limit": self.limit}


def weight_scale(weights: npt.NDArray[np.float32], heaviest: float, bits: int = 8) -> WeightScale:
    """The scale of all weights, of which the heaviest is given: it becomes 255, unless it is an outlier.

    Steps as wide as an outlier asks for would make ordinary weights alike. Outliers are weights of more than FAR times
    the weight that all but one in a thousand do not exceed; of fewer than a thousand weights, more than FAR_OF_FEW
    times what all but very few do not. Where there are some, twice the heaviest of the others becomes 255, and they are
    stored as that: above all others still. With 16 bits, of which the steps are 256 times finer, they lie 256 times as
    far away, with 24 as many times again. A step of 24 bits is a power of two, so that stored weights are float32s.

    InputError if the heaviest weight is not within 1e-30 … 1e30. Goes through the weights once, or twice.
    """
    least, most = _HEAVIEST
    if heaviest and not least <= heaviest <= most:
        raise InputError(f"the heaviest weight must lie in {least:g} … {most:g}, not {heaviest:g}: scale the vectors")
    far = (FAR if len(weights) >= _MANY else FAR_OF_FEW) * 2 ** (bits - 8) * _high_quantile(weights)
    limit, above = heaviest, 0
    if heaviest > far > 0:
        ordinary = 0.0
        for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
            part = weights[start : start + _QUANTISE_AT_A_TIME]
            beyond = part > far
            above += int(np.count_nonzero(beyond))
            ordinary = max(ordinary, float(part.max(where=~beyond, initial=0)))
        limit = min(heaviest, 2 * ordinary)
    step = limit / HEAVIEST_STEP or 1.0
    if bits == 24:
        step = 2.0 ** math.ceil(math.log2(step))
        limit = min(heaviest, step * HEAVIEST_STEP)
    return WeightScale(step, heaviest, limit, above if limit < heaviest else 0)


def _high_quantile(weights: npt.NDArray[np.float32]) -> float:
    """The weight that all but one in _MANY do not exceed, or all but 1 to 4 of fewer; rounded up by at most 1 %.

    0 for fewer than three weights: one alone has no others to be told from.
    """
    counts = np.zeros(1 << 16, np.int64)
    for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
        # Positive floats stand in the order of their bits: the upper half has the exponent and 7 bits of the fraction.
        upper = weights[start : start + _QUANTISE_AT_A_TIME].view(np.uint32) >> 16
        counts += np.bincount(upper, minlength=len(counts))
    below = len(weights) - max(1, len(weights) // _MANY, min(len(weights) // 8, 4))
    if below < 2:
        return 0.0
    place = int(np.searchsorted(np.cumsum(counts), below))
    return float(np.array([(place + 1) << 16], np.uint32).view(np.float32)[0])


def write_quantised(
    weights: npt.NDArray[np.float32], scale: float, coarse: Path, deficits: Path, dtype: np.dtype[Any] | None
) -> None:
    """Write weights as `quantise` makes them: to the file `coarse` and, with a `dtype`, to the file `deficits`."""
    with ExitStack() as stack:
        coarse_file = stack.enter_context(ArrayWriter(coarse, np.uint8))
        deficits_file = None if dtype is None else stack.enter_context(ArrayWriter(deficits, dtype))
        for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
            made = quantise(weights[start : start + _QUANTISE_AT_A_TIME], scale, dtype)
            coarse_file.append(made.coarse)
            if deficits_file is not None and made.deficits is not None:
                deficits_file.append(made.deficits)

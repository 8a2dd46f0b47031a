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

from lsr.core.arguments import kind_of
from lsr.core.errors import InputError
from lsr.index.format.arrays import ArrayWriter

_QUANTISE_AT_A_TIME = 1 << 22
_MAX_WEIGHT = 255
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
    def of_record(cls, step: float, record: Mapping[str, Any] | None) -> WeightScale:
        """Inverse of `record`; without outliers, the heaviest weight is not known, and not below the limit."""
        if record is None:
            return cls(step, step * _MAX_WEIGHT, step * _MAX_WEIGHT)
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
    _check_heaviest(heaviest)
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
    step = limit / _MAX_WEIGHT or 1.0
    if bits == 24:
        step = 2.0 ** math.ceil(math.log2(step))
        limit = min(heaviest, step * _MAX_WEIGHT)
    return WeightScale(step, heaviest, limit, above if limit < heaviest else 0)


def given_scale(weights: npt.NDArray[np.float32], heaviest: float, step: float, bits: int = 8) -> WeightScale:
    """The scale of a given step, as it is. Goes through the weights once, if the heaviest is beyond 255 steps.

    Weights that are stored as 255 steps though more are nearest to them count as outliers.
    """
    _check_heaviest(heaviest)
    limit = step * _MAX_WEIGHT
    parts = 1 << bits - 8
    above = 0
    if heaviest > limit:
        for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
            exact = weights[start : start + _QUANTISE_AT_A_TIME] / step
            above += int(np.count_nonzero(np.rint(exact * parts) > _MAX_WEIGHT * parts))
    return WeightScale(step, heaviest, limit if above else heaviest, above)


def check_step(step: float) -> float:
    """A given step, as a float. InputError unless 255 of it are within what the heaviest weight may be."""
    if isinstance(step, bool) or not isinstance(step, int | float | np.floating):
        raise InputError(f"must be a number, not {kind_of(step)}", field="weight_scale")
    least, most = _HEAVIEST
    if not least <= step * _MAX_WEIGHT <= most:
        least, most = least / _MAX_WEIGHT, most / _MAX_WEIGHT
        raise InputError(f"must lie in {least:.3g} … {most:.3g}, not {step}", field="weight_scale")
    return float(step)


def _check_heaviest(heaviest: float) -> None:
    least, most = _HEAVIEST
    if heaviest and not least <= heaviest <= most:
        raise InputError(f"the heaviest weight must lie in {least:g} … {most:g}, not {heaviest:g}: scale the vectors")


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
    """Write weights in units of `scale`, uint8, to the file `coarse`; those beyond 255 units as 255.

    With a `dtype` they have more bits: the first byte is rounded up, so that it bounds the weight; what follows, in the
    file `deficits`, says by how many parts of a unit, 256ths in uint8 or 65,536ths in uint16.
    """
    parts = 1 if dtype is None else 1 << 8 * dtype.itemsize
    with ExitStack() as stack:
        coarse_file = stack.enter_context(ArrayWriter(coarse, np.uint8))
        deficits_file = None if dtype is None else stack.enter_context(ArrayWriter(deficits, dtype))
        for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
            exact = weights[start : start + _QUANTISE_AT_A_TIME] / scale
            if deficits_file is None:
                # A positive weight stays positive, or a match would be lost.
                coarse_file.append(np.clip(np.rint(exact), 1, _MAX_WEIGHT))
            else:
                fine = np.clip(np.rint(exact * parts), 1, _MAX_WEIGHT * parts).astype(np.int64)
                whole = (fine + parts - 1) // parts
                coarse_file.append(whole)
                deficits_file.append(whole * parts - fine)

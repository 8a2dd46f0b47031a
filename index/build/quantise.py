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
    def of_record(cls, step: float, record: Mapping[str, Any] | None) -> WeightScale:
        """Inverse of `record`; without outliers, the heaviest weight is not known, and not below the limit."""
        if record is None:
            return cls(step, step * HEAVIEST_STEP, step * HEAVIEST_STEP)
        return cls(step, record["heaviest"], record["limit"], record["weights"])

    def record(self) -> dict[str, Any] | None:
        """What the manifest says of outliers, as JSON values; None where there are none."""
        if not self.above:
            return None
        return {"weights": self.above, "heaviest": self.heaviest, "limit": self.limit}


class WeightCounts:
    """How often weights of about each size occur: what their scale goes by, whatever their order, or parts.

    Attributes:
        heaviest: of all weights so far; weights: how many there are.
    """

    def __init__(self) -> None:
        self.heaviest, self.weights = 0.0, 0
        self._counts = np.zeros(1 << 16, np.int64)

    def add(self, weights: npt.NDArray[np.float32]) -> None:
        """Count further weights: positive, finite."""
        for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
            # Positive floats stand in the order of their bits: the upper half has the exponent and 7 bits of the
            # fraction.
            upper = weights[start : start + _QUANTISE_AT_A_TIME].view(np.uint32) >> 16
            self._counts += np.bincount(upper, minlength=len(self._counts))
        self.weights += len(weights)
        self.heaviest = max(self.heaviest, float(weights.max(initial=0)))

    def join(self, other: WeightCounts) -> None:
        """Count what another has counted."""
        self._counts += other._counts
        self.weights += other.weights
        self.heaviest = max(self.heaviest, other.heaviest)

    def far(self, bits: int = 8) -> float:
        """The weight beyond which the heaviest are outliers, if there are any: see `weight_scale`."""
        few = FAR if self.weights >= _MANY else FAR_OF_FEW
        return few * 2 ** (bits - 8) * self._high_quantile()

    def has_outliers(self, bits: int = 8) -> bool:
        """Whether some weights are beyond `far`; InputError if the heaviest is not within 1e-30 … 1e30."""
        _check_heaviest(self.heaviest)
        return self.heaviest > self.far(bits) > 0

    def scale(self, bits: int = 8, outliers: Outliers | None = None) -> WeightScale:
        """The scale of these weights; `outliers` of all of them, if `has_outliers`."""
        _check_heaviest(self.heaviest)
        limit = self.heaviest if outliers is None else min(self.heaviest, 2 * outliers.ordinary)
        step = limit / HEAVIEST_STEP or 1.0
        if bits == 24:
            step = 2.0 ** math.ceil(math.log2(step))
            limit = min(self.heaviest, step * HEAVIEST_STEP)
        above = 0 if outliers is None or limit == self.heaviest else outliers.above
        return WeightScale(step, self.heaviest, limit, above)

    def _high_quantile(self) -> float:
        """The weight that all but one in _MANY do not exceed, or all but 1 to 4 of fewer; rounded up by at most 1 %.

        0 for fewer than three weights: one alone has no others to be told from.
        """
        below = self.weights - max(1, self.weights // _MANY, min(self.weights // 8, 4))
        if below < 2:
            return 0.0
        place = int(np.searchsorted(np.cumsum(self._counts), below))
        return float(np.array([(place + 1) << 16], np.uint32).view(np.float32)[0])


@dataclass(slots=True)
class Outliers:
    """Of weights, how many are beyond `WeightCounts.far`, and the heaviest of the others."""

    above: int = 0
    ordinary: float = 0.0

    def add(self, weights: npt.NDArray[np.float32], far: float) -> None:
        """Look at further weights."""
        for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
            part = weights[start : start + _QUANTISE_AT_A_TIME]
            beyond = part > far
            self.above += int(np.count_nonzero(beyond))
            self.ordinary = max(self.ordinary, float(part.max(where=~beyond, initial=0)))

    def join(self, other: Outliers) -> None:
        """Look at what another has looked at."""
        self.above += other.above
        self.ordinary = max(self.ordinary, other.ordinary)


def weight_scale(weights: npt.NDArray[np.float32], heaviest: float, bits: int = 8) -> WeightScale:
    """The scale of all weights, of which the heaviest is given: it becomes 255, unless it is an outlier.

    Steps as wide as an outlier asks for would make ordinary weights alike. Outliers are weights of more than FAR times
    the weight that all but one in a thousand do not exceed; of fewer than a thousand weights, more than FAR_OF_FEW
    times what all but very few do not. Where there are some, twice the heaviest of the others becomes 255, and they are
    stored as that: above all others still. With 16 bits, of which the steps are 256 times finer, they lie 256 times as
    far away, with 24 as many times again. A step of 24 bits is a power of two, so that stored weights are float32s.

    InputError if the heaviest weight is not within 1e-30 … 1e30. Goes through the weights once, or twice.
    """
    _check_heaviest(heaviest)  # before numbers that are none are counted
    counts = WeightCounts()
    counts.add(weights)
    if not counts.has_outliers(bits):
        return counts.scale(bits)
    outliers = Outliers()
    outliers.add(weights, counts.far(bits))
    return counts.scale(bits, outliers)


def given_scale(weights: npt.NDArray[np.float32], heaviest: float, step: float, bits: int = 8) -> WeightScale:
    """The scale of a given step, as it is. Goes through the weights once, if the heaviest is beyond 255 steps.

    Weights that are stored as 255 steps though more are nearest to them count as outliers.
    """
    _check_heaviest(heaviest)
    limit = step * HEAVIEST_STEP
    parts = 1 << bits - 8
    above = 0
    if heaviest > limit:
        for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
            exact = weights[start : start + _QUANTISE_AT_A_TIME] / step
            above += int(np.count_nonzero(np.rint(exact * parts) > HEAVIEST_STEP * parts))
    return WeightScale(step, heaviest, limit if above else heaviest, above)


def check_step(step: float) -> float:
    """A given step, as a float. InputError unless 255 of it are within what the heaviest weight may be."""
    if isinstance(step, bool) or not isinstance(step, int | float | np.floating):
        raise InputError(f"must be a number, not {kind_of(step)}", field="weight_scale")
    least, most = _HEAVIEST
    if not least <= step * HEAVIEST_STEP <= most:
        least, most = least / HEAVIEST_STEP, most / HEAVIEST_STEP
        raise InputError(f"must lie in {least:.3g} … {most:.3g}, not {step}", field="weight_scale")
    return float(step)


def _check_heaviest(heaviest: float) -> None:
    least, most = _HEAVIEST
    if heaviest and not least <= heaviest <= most:
        raise InputError(f"the heaviest weight must lie in {least:g} … {most:g}, not {heaviest:g}: scale the vectors")


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

"""Weights in the bytes that a forward index holds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

HEAVIEST_STEP = 255
"""What a byte of a weight may be; heavier weights saturate."""


class Quantised(NamedTuple):
    """Weights in units of a scale.

    Attributes:
        coarse: uint8, 1 … 255: rounded or, where there is more to say, rounded up, so that it bounds the weight.
        deficits: by how many parts of a unit the weight is less; None if a byte is all.
        above: bool: which weights are heavier than 255 units, and are stored as that.
    """

    coarse: npt.NDArray[np.uint8]
    deficits: npt.NDArray[Any] | None
    above: npt.NDArray[np.bool_]


def quantise(weights: npt.NDArray[np.float32], scale: float, dtype: np.dtype[Any] | None) -> Quantised:
    """Weights (float32, positive) in units of `scale`; those beyond 255 units as 255.

    With a `dtype` (`lsr.index.format.postings.deficit_dtype`) they have more bits: deficits in 256ths of a unit, uint8,
    or in 65,536ths, uint16. A positive weight stays positive, or a match would be lost.
    """
    exact = weights / float(scale)
    if dtype is None:
        fine = np.rint(exact)
        above = fine > HEAVIEST_STEP
        return Quantised(np.clip(fine, 1, HEAVIEST_STEP).astype(np.uint8), None, above)
    parts = 1 << 8 * dtype.itemsize
    rounded = np.rint(exact * parts)
    above = rounded > HEAVIEST_STEP * parts
    whole_parts = np.clip(rounded, 1, HEAVIEST_STEP * parts).astype(np.int64)
    whole = (whole_parts + parts - 1) // parts
    return Quantised(whole.astype(np.uint8), (whole * parts - whole_parts).astype(dtype), above)


def dequantised(
    coarse: npt.NDArray[np.uint8], deficits: npt.NDArray[Any] | None, scale: float
) -> npt.NDArray[np.float32]:
    """The weights that these bytes stand for, float32: `quantise` makes the same bytes of them."""
    steps = coarse.astype(np.float64)
    if deficits is not None:
        steps -= deficits.astype(np.float64) / (1 << 8 * deficits.dtype.itemsize)
    return (steps * float(scale)).astype(np.float32)

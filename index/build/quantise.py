"""From float weights to the bytes that an index stores."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.index.format.arrays import ArrayWriter

_QUANTISE_AT_A_TIME = 1 << 22
_MAX_WEIGHT = 255
# Beyond these, the scale or the scores of usual queries would leave the range of float32.
_HEAVIEST = (float(np.float32(1e-30)), float(np.float32(1e30)))


def weight_scale(heaviest: float) -> float:
    """The scale for a heaviest weight: what a stored 1 stands for. InputError if it is not within 1e-30 … 1e30."""
    least, most = _HEAVIEST
    if heaviest and not least <= heaviest <= most:
        raise InputError(f"the heaviest weight must lie in {least:g} … {most:g}, not {heaviest:g}: scale the vectors")
    return heaviest / _MAX_WEIGHT or 1.0


def write_quantised(weights: npt.NDArray[np.float32], scale: float, coarse: Path, deficits: Path | None) -> None:
    """Write weights in units of `scale`, uint8, to the file `coarse`.

    With `deficits` they have 16 bits: the first byte is rounded up, so that it bounds the weight; the second, in the
    file `deficits`, says by how many 256ths of a unit.
    """
    with ExitStack() as stack:
        coarse_file = stack.enter_context(ArrayWriter(coarse, np.uint8))
        deficits_file = None if deficits is None else stack.enter_context(ArrayWriter(deficits, np.uint8))
        for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
            exact = weights[start : start + _QUANTISE_AT_A_TIME] / scale
            if deficits_file is None:
                # A positive weight stays positive, or a match would be lost.
                coarse_file.append(np.clip(np.rint(exact), 1, _MAX_WEIGHT))
            else:
                fine = np.clip(np.rint(exact * 256), 1, _MAX_WEIGHT * 256).astype(np.int64)
                whole = (fine + 255) // 256
                coarse_file.append(whole)
                deficits_file.append(whole * 256 - fine)

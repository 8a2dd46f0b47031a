"""Checks of what kernels take for granted in an array, made in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

_CHUNK = 1 << 22


def chunks(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Views of consecutive parts of a long array."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def largest(values: npt.NDArray[Any]) -> int:
    """The largest value of a long array, or -1 if it is empty."""
    return max((int(chunk.max()) for chunk in chunks(values)), default=-1)


def holds_zero(values: npt.NDArray[Any]) -> bool:
    """Whether any value of a long array is zero."""
    return any((chunk == 0).any() for chunk in chunks(values))


def offsets_ascend(offsets: npt.NDArray[np.int64], end: int) -> bool:
    """Whether offsets never descend, start at 0 and end at `end`."""
    return bool(offsets[0] == 0 and offsets[-1] == end and (offsets[1:] >= offsets[:-1]).all())


def ascend_within_rows(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], repeated_from: int | None = None
) -> bool:
    """Whether the values of each row, which begin at the offsets `indptr`, ascend without repetition.

    Values of `repeated_from` or more may be repeated.
    """
    for start in range(0, len(indices) - 1, _CHUNK):
        part = indices[start : start + _CHUNK + 1]
        below = part[1:] <= part[:-1]
        if repeated_from is not None:
            below &= (part[1:] < part[:-1]) | (part[1:] < repeated_from)
        descents = np.flatnonzero(below) + start + 1
        # Values may descend only where a row begins.
        if len(descents) and not np.array_equal(indptr[np.searchsorted(indptr, descents)], descents):
            return False
    return True

"""The rows that a search may return."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.index.format.arrays import plain

_ALL = np.empty(0, np.uint8)


class AllowedRows:
    """The rows of a segment that a search may return: all of them, or those of a filter.

    Attributes:
        rows: how many the segment has.
        bitmap: uint8 [⌈rows / 8⌉], the least significant bit first; empty where all rows are allowed. Trailing bits
            beyond the last row have no meaning.
        filtered: whether there is a filter, even if it allows all.
    """

    __slots__ = ("_count", "bitmap", "filtered", "rows")

    def __init__(self, rows: int, bitmap: npt.NDArray[np.uint8] = _ALL) -> None:
        self.rows = rows
        self.bitmap = bitmap
        self.filtered = bitmap.size > 0
        self._count = None if self.filtered else rows

    @classmethod
    def of(cls, allow: npt.NDArray[Any] | None, rows: int) -> AllowedRows:
        """Make one from a caller's filter: None for all rows, bool [rows], or the same packed (see `bitmap`).

        InputError for anything else.
        """
        return cls(rows) if allow is None else cls(rows, as_bitmap(allow, rows))

    @property
    def count(self) -> int:
        """The number of allowed rows, counted once."""
        if self._count is None:
            self._count = min(int(np.bitwise_count(self.bitmap).sum()), self.rows)
        return self._count

    def numbers(self) -> npt.NDArray[np.int64]:
        """The allowed rows, ascending: int64 [count]. Fast if they are few."""
        if not self.filtered:
            return np.arange(self.rows)
        # Only bytes that are not zero are unpacked.
        places = np.flatnonzero(self.bitmap)
        bits = np.unpackbits(self.bitmap[places, np.newaxis], axis=1, bitorder="little").astype(np.bool_)
        rows = (places[:, np.newaxis] * 8 + np.arange(8))[bits]
        return rows[rows < self.rows]


def as_bitmap(allow: npt.NDArray[Any], rows: int) -> npt.NDArray[np.uint8]:
    """The packed form of a filter of so many rows; InputError if it is neither that nor bool [rows]."""
    allow = np.ascontiguousarray(allow)
    if allow.dtype == np.bool_ and allow.shape == (rows,):
        return np.packbits(allow, bitorder="little")
    if allow.dtype == np.uint8 and allow.shape == ((rows + 7) // 8,):
        return plain(allow)
    raise InputError(
        f"allow must be {rows:,} bools or {(rows + 7) // 8:,} packed bytes (uint8), "
        f"not {allow.dtype} of shape {allow.shape}"
    )

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
        filtered: whether a caller set a filter, even if it allows all. Rows may be left out without one: those of
            deleted documents.
    """

    __slots__ = ("_count", "bitmap", "filtered", "rows")

    def __init__(self, rows: int, bitmap: npt.NDArray[np.uint8] = _ALL, *, filtered: bool | None = None) -> None:
        self.rows = rows
        self.bitmap = bitmap
        self.filtered = bitmap.size > 0 if filtered is None else filtered
        self._count = rows if bitmap.size == 0 else None

    @classmethod
    def of(cls, allow: npt.NDArray[Any] | None, rows: int) -> AllowedRows:
        """Make one from a caller's filter: None for all rows, bool [rows], or the same packed (see `bitmap`).

        InputError for anything else.
        """
        return cls(rows) if allow is None else cls(rows, as_bitmap(allow, rows))

    def among(self, alive: npt.NDArray[np.uint8] | None) -> AllowedRows:
        """Those of them that are not deleted: `alive` is a bitmap as `bitmap`, or None if no row is deleted."""
        if alive is None:
            return self
        return AllowedRows(self.rows, self.bitmap & alive if self.bitmap.size else alive, filtered=self.filtered)

    def part(self, first: int, rows: int) -> AllowedRows:
        """Those of the `rows` rows from `first` on, which are numbered from 0 then."""
        if not self.bitmap.size or (first == 0 and rows == self.rows):
            return AllowedRows(rows, self.bitmap, filtered=self.filtered)
        last = first + rows
        if first % 8 == 0:
            bitmap = self.bitmap[first // 8 : (last + 7) // 8]
        else:
            bits = np.unpackbits(self.bitmap[first // 8 : (last + 7) // 8], bitorder="little")
            bitmap = np.packbits(bits[first % 8 :][:rows], bitorder="little")
        return AllowedRows(rows, bitmap, filtered=self.filtered)

    @property
    def count(self) -> int:
        """The number of allowed rows, counted once."""
        if self._count is None:
            # Trailing bits beyond the last row do not count.
            last = int(self.bitmap[-1]) & ((1 << (self.rows - 1) % 8 + 1) - 1)
            self._count = int(np.bitwise_count(self.bitmap[:-1]).sum()) + last.bit_count()
        return self._count

    def numbers(self) -> npt.NDArray[np.int64]:
        """The allowed rows, ascending: int64 [count]. Fast if they are few."""
        if not self.bitmap.size:
            return np.arange(self.rows)
        # Only bytes that are not zero are unpacked.
        places = np.flatnonzero(self.bitmap)
        bits = np.unpackbits(self.bitmap[places, np.newaxis], axis=1, bitorder="little").astype(np.bool_)
        rows = (places[:, np.newaxis] * 8 + np.arange(8))[bits]
        return rows[rows < self.rows]


def as_bitmap(allow: npt.NDArray[Any], rows: int) -> npt.NDArray[np.uint8]:
    """The packed form of a filter of so many rows; InputError if it is neither that nor bool [rows]."""
    try:
        allow = np.ascontiguousarray(allow)
    except ValueError:  # lists of different lengths
        allow = np.empty(0, np.object_)
    if allow.dtype == np.bool_ and allow.shape == (rows,):
        return np.packbits(allow, bitorder="little")
    if allow.dtype == np.uint8 and allow.shape == ((rows + 7) // 8,):
        return plain(allow)
    raise InputError(
        f"allow must be {rows:,} bools or {(rows + 7) // 8:,} packed bytes (uint8), "
        f"not {allow.dtype} of shape {allow.shape}"
    )

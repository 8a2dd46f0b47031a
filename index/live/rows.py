"""The rows of a snapshot and their segments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate as running_totals
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import count
from lsr.core.arrays import row_numbers
from lsr.core.errors import NotFoundError
from lsr.core.types import Rows


class RowNumbers:
    """The one place that maps a row of a snapshot to a segment and a row of it: segments follow one another.

    Attributes:
        starts: the first row of each segment, and the number of all rows.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        """Number the rows; `lengths`: the rows of each segment."""
        self.starts: tuple[int, ...] = tuple(running_totals(lengths, initial=0))

    def __len__(self) -> int:
        return self.starts[-1]

    def place(self, row: int) -> tuple[int, int]:
        """The number of the segment that holds a row, and the row there. NotFoundError if there is no such row."""
        if type(row) is not int:
            row = count(row, "a row", least=0)
        if not 0 <= row < len(self):
            raise NotFoundError(f"no row {row}: the index has {len(self):,} documents")
        segment = bisect_right(self.starts, row) - 1
        return segment, int(row) - self.starts[segment]

    def checked(self, rows: Any) -> Rows:
        """int64 [n]: rows, as a caller gives them. InputError for what is none, NotFoundError if one does not exist."""
        rows = row_numbers(rows)
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self)):
            raise NotFoundError(f"rows must lie in 0 … {len(self) - 1:,}")
        return rows

    def split(self, rows: Rows) -> Iterator[tuple[int, npt.NDArray[np.intp] | slice, Rows]]:
        """For each segment with some of the rows: its number, the places of these in `rows`, and their rows there.

        NotFoundError if a row does not exist.
        """
        rows = self.checked(rows)
        if len(self.starts) == 2:
            yield 0, slice(None), rows
            return
        holders = np.searchsorted(self.starts, rows, side="right") - 1
        for segment in np.unique(holders).tolist():
            places = np.flatnonzero(holders == segment)
            yield segment, places, rows[places] - self.starts[segment]

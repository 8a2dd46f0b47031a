"""How many documents in memory hold a term: counted as they come and go, exact for whoever looks at a moment."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from lsr.index.live.memory.kernel import count_live


class Versioned(Protocol):
    """What changes: its version is even between changes, odd in the midst of one."""

    version: int


class LiveCounts:
    """Counts by number, which grow as needed; changed by one thread."""

    __slots__ = ("values",)

    def __init__(self, length: int) -> None:
        self.values = np.zeros(length, np.int64)

    def add(self, numbers: npt.NDArray[np.uint32], step: int, length: int) -> None:
        """Add `step` at each of these numbers, which may occur more than once and lie below `length`."""
        if length > len(self.values):
            grown = np.zeros(length + length // 2, np.int64)
            grown[: len(self.values)] = self.values
            self.values = grown
        np.add.at(self.values, numbers, step)


class SeenCounts:
    """The counts as they were at one moment.

    While nothing has changed since, they are read from those that are kept; afterwards, they are counted anew from the
    rows that there were, once.
    """

    def __init__(
        self,
        version: int,
        indptr: npt.NDArray[np.int64],
        values: npt.NDArray[np.uint32],
        dead: npt.NDArray[np.uint8],
        length: int,
    ) -> None:
        self._version, self._indptr, self._values, self._dead, self._length = version, indptr, values, dead, length
        self._counted: npt.NDArray[np.int64] | None = None

    def of(self, numbers: npt.NDArray[np.int64], owner: Versioned, kept: LiveCounts) -> npt.NDArray[np.int64]:
        """The counts of these numbers, int64; 0 for those that are too high. `owner`: whose version `kept` goes by."""
        if self._counted is None and owner.version == self._version:
            found = _taken(kept.values, numbers)
            # Seen from this thread, the version changes before the counts do.
            if owner.version == self._version:
                return found
        if self._counted is None:
            counted = np.zeros(self._length, np.int64)
            count_live(self._indptr, self._values, self._dead, counted)
            self._counted = counted
        return _taken(self._counted, numbers)


def _taken(values: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if not len(values):
        return np.zeros(len(numbers), np.int64)
    return np.where(numbers < len(values), values[np.minimum(numbers, len(values) - 1)], 0)

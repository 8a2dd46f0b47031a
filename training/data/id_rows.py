"""From ids to row numbers for millions of ids, while a set is written."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from lsr.training.data.layout import id_hashes

_FIRST_SLOTS = 1 << 12
# Linear probing looks at about 2.5 slots for a new id at a load of one half, and at 8.5 at three quarters.
_FULLEST = 0.75


class IdRows:
    """Numbers ids 0, 1, 2, … in the order in which they come, and remembers each number.

    Only a 128-bit hash of each id is kept, in an open-addressing table: 22 to 27 bytes an id, where a dictionary takes
    150 and more. That two ids share a hash is not to be expected (1 in 10²⁴ for ten million ids).
    """

    __slots__ = ("_checks", "_hashes", "_mask", "_slots")

    def __init__(self) -> None:
        self._slots = _empty(_FIRST_SLOTS)  # row + 1; 0 marks a free slot
        self._mask = _FIRST_SLOTS - 1
        self._hashes: array[int] = array("Q")
        self._checks: array[int] = array("Q")

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, id: str) -> bool:
        return self.get(id) is not None

    def get(self, id: str) -> int | None:
        """The row of an id; None if it was not added."""
        hashed, check = id_hashes(id.encode())
        row = self._slots[self._find(hashed, check)] - 1
        return None if row < 0 else row

    def add(self, id: str) -> int:
        """The row of an id, which is a new one if the id is new."""
        hashed, check = id_hashes(id.encode())
        slot = self._find(hashed, check)
        if self._slots[slot]:
            return self._slots[slot] - 1
        self._hashes.append(hashed)
        self._checks.append(check)
        self._slots[slot] = len(self._hashes)
        if len(self._hashes) > _FULLEST * len(self._slots):
            self._grow()
        return len(self._hashes) - 1

    def sorted_hashes(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
        """The ids' first 64 hash bits, ascending, and the row of each."""
        hashes = np.frombuffer(self._hashes, np.uint64) if self._hashes else np.empty(0, np.uint64)
        rows = np.argsort(hashes, kind="stable")
        return hashes[rows], rows.astype(np.uint32)

    def _find(self, hashed: int, check: int) -> int:
        """The slot of the id with these hashes, or the free slot where it belongs."""
        slots, mask, hashes = self._slots, self._mask, self._hashes
        slot = hashed & mask
        while (number := slots[slot]) and (hashes[number - 1] != hashed or self._checks[number - 1] != check):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        slots = self._slots = _empty(2 * len(self._slots))
        mask = self._mask = len(slots) - 1
        for number, hashed in enumerate(self._hashes, start=1):
            slot = hashed & mask
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = number


def _empty(slots: int) -> array[int]:
    return array("I", bytes(4 * slots))

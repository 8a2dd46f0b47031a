"""Bitmaps that were made once, kept as far as memory allows."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

MOST_BYTES = 64 << 20
_OF_AN_ENTRY = 200


class BitmapCache:
    """Bitmaps of many segments by owner and filter; what was not used for longest goes when they take `most` bytes.

    Threads may share it.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._held = most, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], npt.NDArray[np.uint8]] = OrderedDict()
        self._owners = 0

    @property
    def held(self) -> int:
        """How many bytes the bitmaps and their filters take."""
        return self._held

    def owned(self) -> OwnBitmaps:
        """The bitmaps of a new owner: one segment, whose rows never change."""
        with self._lock:
            self._owners += 1
            return OwnBitmaps(self, self._owners)

    def get(self, key: tuple[int, str]) -> npt.NDArray[np.uint8] | None:
        """The bitmap of an owner and a filter, if it is still there."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: tuple[int, str], bitmap: npt.NDArray[np.uint8]) -> None:
        """Keep a bitmap, unless it alone takes more than a quarter of what there is room for."""
        if 4 * _size(key, bitmap) > self._most:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = bitmap
            self._held += _size(key, bitmap)
            while self._held > self._most:
                self._held -= _size(*self._kept.popitem(last=False))


class OwnBitmaps:
    """The bitmaps of one owner, by the text of their filters."""

    def __init__(self, cache: BitmapCache, owner: int) -> None:
        self._cache, self._owner = cache, owner

    def get(self, text: str) -> npt.NDArray[np.uint8] | None:
        """See `BitmapCache.get`."""
        return self._cache.get((self._owner, text))

    def put(self, text: str, bitmap: npt.NDArray[np.uint8]) -> None:
        """See `BitmapCache.put`."""
        self._cache.put((self._owner, text), bitmap)


BITMAPS = BitmapCache()
"""The bitmaps of all segments of this process."""


def _size(key: tuple[int, str], bitmap: npt.NDArray[np.uint8]) -> int:
    return bitmap.nbytes + 4 * len(key[1]) + _OF_AN_ENTRY

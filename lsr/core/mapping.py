"""Files mapped into memory without a file descriptor that stays open.

`mmap` and `numpy.memmap` keep a duplicate of the descriptor for as long as the mapping is there (up to Python 3.12 with
no way around it), so an index of thirty files would hold thirty. The system does not need it: POSIX keeps a mapping
when its descriptor is closed.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.regular import open_regular

_FAILED = ctypes.c_void_p(-1).value


class _Mapping:
    """A mapping, which goes when nothing looks at it any more."""

    __slots__ = ("__array_interface__", "_place", "_unmap")

    def __init__(self, address: int, size: int, unmap: Callable[[int, int], Any]) -> None:
        self.__array_interface__ = {"version": 3, "shape": (size,), "typestr": "|u1", "data": (address, True)}
        self._place, self._unmap = (address, size), unmap

    def __del__(self) -> None:
        self._unmap(*self._place)


def map_file(path: str | Path, *, follow: bool = False) -> npt.NDArray[np.uint8]:
    """The bytes of a regular file, read-only; mapped for as long as the array, or a view of it, is there.

    `follow` symbolic links. OSError as `lsr.core.regular.open_regular`.
    """
    descriptor = open_regular(path, follow=follow)
    try:
        size = os.fstat(descriptor).st_size
        if not size:  # which cannot be mapped
            empty = np.empty(0, np.uint8)
            empty.flags.writeable = False
            return empty
        map_, unmap = _functions()
        address = map_(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address == _FAILED:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
        return np.asarray(_Mapping(address, size, unmap))
    finally:
        os.close(descriptor)


@cache
def _functions() -> tuple[Any, Any]:
    """`mmap` and `munmap` of the C library."""
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    flags = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
    library.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *flags, ctypes.c_int64)
    library.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return library.mmap, library.munmap

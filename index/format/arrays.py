"""One-dimensional arrays in .npy files: appended to while building, memory-mapped when searching."""

from __future__ import annotations

import errno
import io
import math
import os
import threading
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.checks import largest, offsets_ascend
from lsr.index.format.files import RESTORE, map_index_file

_HEADER_BYTES = 128
STORED = (np.uint8, np.uint16, np.uint32)
"""What int64 numbers from 0 may be stored as, in segments with words: versions that knew none read the others."""

# Of what the first version of the format allows.
_LONGEST_HEADER = 10 + 0xFFFF

# numpy parses headers as Python source, and Python 3.11's parser counts the depth of one thread's for another's.
_parsing = threading.Lock()


class ArrayWriter:
    """Writes a one-dimensional .npy file whose length is known only at the end.

    A context manager; the file is a valid .npy file once it is closed. With `keep` it continues an unclosed file after
    its first `keep` values, and drops the rest.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike, keep: int | None = None) -> None:
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.length = keep or 0
        self._file = path.open("wb" if keep is None else "r+b")
        if keep is None:
            self._file.write(self._header())
        else:
            self._file.truncate(_HEADER_BYTES + keep * self.dtype.itemsize)
            self._file.seek(0, os.SEEK_END)

    def append(self, values: npt.NDArray[Any]) -> None:
        """Append values, cast to the file's dtype."""
        if len(values):
            self._file.write(np.ascontiguousarray(values, self.dtype).data)
            self.length += len(values)

    def flush(self) -> None:
        """Hand what was appended to the operating system, so that it outlives this process."""
        self._file.flush()

    def close(self) -> None:
        """Write the length into the header and close the file."""
        if not self._file.closed:
            self._file.seek(0)
            self._file.write(self._header())
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _header(self) -> bytes:
        """A version 1.0 header, padded to a fixed length so that it can be rewritten in place."""
        descr = np.lib.format.dtype_to_descr(self.dtype)
        text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': ({self.length},), }}"
        prefix = np.lib.format.magic(1, 0) + (_HEADER_BYTES - 10).to_bytes(2, "little")
        return prefix + text.ljust(_HEADER_BYTES - 11).encode("latin1") + b"\n"


class OffsetWriter(ArrayWriter):
    """Writes int64 offsets, 0 first, from the lengths appended; with `keep` it continues after so many offsets.

    `end`: what the last one is at most: where it fits in four bytes, they are uint32.
    """

    def __init__(self, path: Path, keep: int | None = None, *, end: int | None = None) -> None:
        super().__init__(path, np.int64 if end is None or end >> 32 else np.uint32, keep)
        if keep is None:
            super().append(np.zeros(1, np.int64))
        self._end = 0 if keep is None else int(unclosed_values(path, np.int64)[keep - 1])

    def append(self, values: npt.NDArray[Any]) -> None:
        """Append the offsets after parts of these lengths."""
        ends = self._end + np.cumsum(values, dtype=np.int64)
        super().append(ends)
        if len(ends):
            self._end = int(ends[-1])


def unclosed_length(path: Path, dtype: npt.DTypeLike) -> int:
    """The number of whole values in a file that an `ArrayWriter` may not have closed; 0 if there is no file."""
    return max(0, path.stat().st_size - _HEADER_BYTES) // np.dtype(dtype).itemsize if path.exists() else 0


def unclosed_values(path: Path, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The values of such a file, read into memory."""
    length = unclosed_length(path, dtype)
    return np.fromfile(path, dtype, length, offset=_HEADER_BYTES) if length else np.empty(0, dtype)


def write_array(path: Path, values: npt.NDArray[Any]) -> None:
    """Write a whole array."""
    with ArrayWriter(path, values.dtype) as writer:
        writer.append(values)


def narrow(values: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Numbers from 0 in as few bytes as all of them fit in: of one of the types `STORED`."""
    most = int(values.max(initial=0))
    return values if most >> 32 else values.astype(np.min_scalar_type(most))


def new_array(path: Path, dtype: npt.DTypeLike, length: int) -> npt.NDArray[Any]:
    """A .npy file of zeros, mapped for writing in any order."""
    with ArrayWriter(path, dtype) as writer:
        writer.length = length
    if length:
        with path.open("r+b") as file:
            _reserve(file.fileno(), _HEADER_BYTES + length * np.dtype(dtype).itemsize)
        return np.asarray(np.memmap(path, np.dtype(dtype), "r+", _HEADER_BYTES, (length,)))
    return np.empty(0, dtype)


def _reserve(descriptor: int, size: int) -> None:
    """Give a file its size, and its room on the disk: a map of it that found the disk full would end the process."""
    os.ftruncate(descriptor, size)
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that cannot
                raise


def open_array(
    path: Path, dtype: npt.DTypeLike, length: int | None = None, *, or_else: Collection[npt.DTypeLike] = ()
) -> npt.NDArray[Any]:
    """A read-only memory map of a .npy file, as a plain array; no file descriptor stays open.

    IndexFormatError if the file is not such an array, or has another dtype (also none of `or_else`) or length.
    """
    data, expected = map_index_file(path), np.dtype(dtype)
    try:
        shape, stored, start = _read_header(data[:_LONGEST_HEADER].tobytes())
        stored_bytes = math.prod(shape) * stored.itemsize
        expected = stored if stored in or_else else expected
        if start + stored_bytes != len(data):
            raise ValueError(f"the header declares {stored_bytes:,} bytes after the first {start}")
        if start % expected.itemsize:
            raise ValueError(f"the values begin at byte {start}")
    except Exception as error:  # numpy parses the header as Python source, and lets any of the parser's errors through
        raise IndexFormatError(f"{path}: not a readable array ({error})", remedies=[BUILD_AGAIN]) from error
    if stored != expected or len(shape) != 1 or (length is not None and shape[0] != length):
        wanted = "any number of" if length is None else f"{length:,}"
        found = f"{stored} values of shape {shape}"
        raise IndexFormatError(f"{path}: expected {wanted} {expected} values, found {found}", remedies=[BUILD_AGAIN])
    return data[start:].view(expected)


def open_offsets(path: Path, length: int, end: int | None = None, *, as_stored: bool = False) -> npt.NDArray[Any]:
    """int64 offsets [length], which ascend from 0 (to `end`, if that is given): kernels go by them.

    A map, or where they are stored in fewer bytes, a copy, unless they are wanted `as_stored`. IndexFormatError also if
    they do not ascend.
    """
    offsets = open_array(path, np.int64, length, or_else=STORED)
    if not offsets_ascend(offsets, int(offsets[-1]) if end is None else end):
        wanted = "ascend from 0" if end is None else f"ascend from 0 to {end:,}"
        raise IndexFormatError(f"{path}: offsets do not {wanted}", remedies=[BUILD_AGAIN, RESTORE])
    return offsets if as_stored else offsets.astype(np.int64, copy=False)


def open_numbers(path: Path, dtype: npt.DTypeLike, length: int, below: int) -> npt.NDArray[Any]:
    """A map of unsigned numbers [length] below a limit, as kernels take them. IndexFormatError also for larger ones."""
    numbers = open_array(path, dtype, length)
    if largest(numbers) >= below:
        raise IndexFormatError(f"{path}: a number is not below {below:,}", remedies=[BUILD_AGAIN, RESTORE])
    return numbers


def _read_header(head: bytes) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """(shape, dtype, where the values begin). ValueError, and others, for what is no header."""
    file = io.BytesIO(head)
    with _parsing:
        np.lib.format.read_magic(file)
        shape, _, stored = np.lib.format.read_array_header_1_0(file)
    if any(size < 0 for size in shape):
        raise ValueError(f"a shape of {shape}")
    return shape, stored, file.tell()


def plain(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, or a copy if it is read-only, strided or unaligned: kernels would be compiled again for these."""
    return array if array.flags.carray else array.copy()

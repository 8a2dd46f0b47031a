"""Names on disk: from number to name, and from name to number by a sorted table of 64-bit hashes."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.arrays import (
    ArrayWriter,
    OffsetWriter,
    narrow,
    open_array,
    open_numbers,
    open_offsets,
    write_array,
)
from lsr.index.format.files import RESTORE
from lsr.index.parts.gathering import write_gathered, write_gathered_offsets
from lsr.index.parts.order import inverse

_AT_A_TIME = 1 << 16


class NameFiles(NamedTuple):
    """The files of a table of names.

    Attributes:
        bytes: the names in UTF-8, one after another; indptr: where each begins.
        hashes: of the names, ascending; numbers: of the name of each hash.
        title: what a name is called, before its number.
        plural: what there is one name of.
    """

    bytes: str
    indptr: str
    hashes: str
    numbers: str
    title: str
    plural: str


def hash_name(encoded: bytes) -> int:
    """The 64-bit BLAKE2b hash of a name in UTF-8."""
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


class NameWriter:
    """Writes a table of names; holds 8 bytes a name in memory, 24 while sorting.

    `compact`: with hashes of 4 bytes, and offsets in as few as they need.
    """

    def __init__(self, folder: Path, files: NameFiles, *, compact: bool = False) -> None:
        self._folder, self._files, self._compact = folder, files, compact
        self._bytes = ArrayWriter(folder / files.bytes, np.uint8)
        self._indptr = OffsetWriter(folder / files.indptr)
        self._hashes: list[npt.NDArray[np.uint64]] = []

    def append(self, names: Iterable[str]) -> None:
        """Append names in the order of their numbers."""
        encoded = [name.encode() for name in names]
        self._indptr.append(np.fromiter((len(each) for each in encoded), np.int64, len(encoded)))
        self._bytes.append(np.frombuffer(b"".join(encoded), np.uint8))
        self._hashes.append(np.fromiter((hash_name(each) for each in encoded), np.uint64, len(encoded)))

    def close(self) -> None:
        """Close the files."""
        self._bytes.close()
        self._indptr.close()

    def finish(self) -> tuple[str, int, int] | None:
        """Write the table of hashes; return the first name that occurs twice with two of its numbers, or None."""
        self.close()
        hashes = np.concatenate(self._hashes)
        if self._compact:
            hashes = (hashes >> np.uint64(32)).astype(np.uint32)
            path = self._folder / self._files.indptr
            write_array(path, narrow(open_array(path, np.int64).copy()))
        numbers = np.argsort(hashes, kind="stable").astype(np.uint32)
        hashes = hashes[numbers]
        write_array(self._folder / self._files.hashes, hashes)
        write_array(self._folder / self._files.numbers, numbers)
        table = NameTable(self._folder, self._files, len(numbers))
        for at in np.flatnonzero(hashes[1:] == hashes[:-1]):
            # Equal hashes may be three or more, of different names: compare with every earlier one of the run.
            earlier = at
            while earlier >= 0 and hashes[earlier] == hashes[at + 1]:
                first, second = int(numbers[earlier]), int(numbers[at + 1])
                if table.name(first) == table.name(second):
                    return table.name(first), first, second
                earlier -= 1
        return None


def renumber(folder: Path, files: NameFiles, order: npt.NDArray[np.uint32]) -> None:
    """Give the names of a table other numbers; `order`: uint32 [names], the old number of each new one."""
    table = NameTable(folder, files, len(order))
    written = {name: folder / f"added_{name}" for name in (files.bytes, files.indptr, files.numbers)}
    write_gathered(table.indptr, table.bytes, order, written[files.bytes])
    write_gathered_offsets(table.indptr, order, written[files.indptr])
    write_array(written[files.numbers], inverse(order)[table.numbers])
    for name, path in written.items():
        path.replace(folder / name)


class NameTable:
    """Names, memory-mapped.

    Attributes:
        bytes: uint8; indptr: int64 [names + 1], or of fewer bytes; hashes: uint64 [names], or the upper uint32 of them;
            numbers: uint32 [names]: see `NameFiles`.
    """

    def __init__(self, folder: Path, files: NameFiles, count: int) -> None:
        self.bytes = open_array(folder / files.bytes, np.uint8)
        self.indptr = open_offsets(folder / files.indptr, count + 1, len(self.bytes), as_stored=True)
        self.hashes = open_array(folder / files.hashes, np.uint64, count, or_else=[np.uint32])
        self.numbers = open_numbers(folder / files.numbers, np.uint32, count, count)
        self._folder, self._files = folder, files

    def __len__(self) -> int:
        return len(self.numbers)

    def name(self, number: int) -> str:
        """The name of a number; IndexFormatError if its bytes are not UTF-8."""
        encoded = self.bytes[self.indptr[number] : self.indptr[number + 1]].tobytes()
        try:
            return encoded.decode()
        except UnicodeDecodeError as error:
            problem = f"{self._folder / self._files.bytes}: the {self._files.title} {number:,} is not UTF-8"
            raise IndexFormatError(problem, remedies=[BUILD_AGAIN, RESTORE]) from error

    def find(self, name: str) -> int | None:
        """The number of a name; None if it is not one of them."""
        try:
            value = self._hash(name)
        except UnicodeEncodeError:  # a lone surrogate, which no stored name can hold
            return None
        # A query has several words: for one number at a time, Python's own search is faster than NumPy's.
        hashes = self.hashes.data
        at = bisect_left(hashes, value)
        while at < len(hashes) and hashes[at] == value:
            number = int(self.numbers[at])
            if self.name(number) == name:
                return number
            at += 1
        return None

    def _hash(self, name: str) -> int:
        """As it is stored. UnicodeEncodeError for a lone surrogate."""
        return hash_name(name.encode()) >> 64 - 8 * self.hashes.itemsize

    def problems(self) -> Iterator[str]:
        """What is wrong with the names and their hashes, each problem beginning with a file's name."""
        whole = True
        if (self.hashes[1:] < self.hashes[:-1]).any():
            yield f"{self._files.hashes}: hashes are not sorted"
            whole = False
        if not np.array_equal(np.sort(self.numbers), np.arange(len(self.numbers))):
            yield f"{self._files.numbers}: not every {self._files.plural} occurs exactly once"
            whole = False
        if whole:
            yield from self._name_problems()

    def _name_problems(self) -> Iterator[str]:
        """A name that is not UTF-8, that its hash is not of, or that occurs twice."""
        files = self._files
        for start in range(0, len(self.numbers), _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            hashed_before, before = None, set[str]()
            for number, hashed in zip(self.numbers[part].tolist(), self.hashes[part].tolist(), strict=True):
                try:
                    name = self.name(number)
                except IndexFormatError as error:
                    yield f"{files.bytes}: {error.problem.split(': ', 1)[1]}"
                    return
                if self._hash(name) != hashed:
                    yield f"{files.hashes}: not the hash of the {files.title} {number:,}"
                    return
                before = before if hashed == hashed_before else set()
                if name in before:
                    yield f"{files.bytes}: the {files.title} {number:,} occurs twice"
                    return
                before.add(name)
                hashed_before = hashed

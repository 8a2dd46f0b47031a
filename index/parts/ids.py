"""Document ids: row to id, and id to row by a sorted table of 64-bit hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError, NotFoundError
from lsr.index.format.arrays import ArrayWriter, OffsetWriter, open_array, write_array


def hash_id(encoded: bytes) -> int:
    """The 64-bit BLAKE2b hash of an id in UTF-8."""
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


class IdWriter:
    """Writes the id table of a segment; holds 8 bytes a document in memory, 24 while sorting."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes = ArrayWriter(folder / "ids_bytes.npy", np.uint8)
        self._indptr = OffsetWriter(folder / "ids_indptr.npy")
        self._hashes: list[npt.NDArray[np.uint64]] = []

    def append(self, ids: Iterable[str]) -> None:
        """Append ids in row order."""
        encoded = [id.encode() for id in ids]
        self._indptr.append(np.fromiter((len(each) for each in encoded), np.int64, len(encoded)))
        self._bytes.append(np.frombuffer(b"".join(encoded), np.uint8))
        self._hashes.append(np.fromiter((hash_id(each) for each in encoded), np.uint64, len(encoded)))

    def close(self) -> None:
        """Close the files."""
        self._bytes.close()
        self._indptr.close()

    def finish(self) -> None:
        """Write the hash table; InputError names an id that stands twice and both of its rows."""
        self.close()
        hashes = np.concatenate(self._hashes)
        rows = np.argsort(hashes, kind="stable").astype(np.uint32)
        hashes = hashes[rows]
        write_array(self._folder / "id_hashes.npy", hashes)
        write_array(self._folder / "id_rows.npy", rows)
        table = IdTable(self._folder, len(rows))
        for at in np.flatnonzero(hashes[1:] == hashes[:-1]):
            # Equal hashes may be three or more, of different ids: compare with every earlier one of the run.
            earlier = at
            while earlier >= 0 and hashes[earlier] == hashes[at + 1]:
                first, second = int(rows[earlier]), int(rows[at + 1])
                if table.id(first) == table.id(second):
                    raise InputError(f"id {table.id(first)!r} stands twice: in row {first} and in row {second}")
                earlier -= 1


class IdTable:
    """The ids of a segment, memory-mapped."""

    def __init__(self, folder: Path, documents: int) -> None:
        self.indptr = open_array(folder / "ids_indptr.npy", np.int64, documents + 1)
        self.bytes = open_array(folder / "ids_bytes.npy", np.uint8)
        self.hashes = open_array(folder / "id_hashes.npy", np.uint64, documents)
        self.rows = open_array(folder / "id_rows.npy", np.uint32, documents)

    def id(self, row: int) -> str:
        """The id of one row."""
        return self.bytes[self.indptr[row] : self.indptr[row + 1]].tobytes().decode()

    def ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """The ids of several rows."""
        return [self.id(row) for row in rows.tolist()]

    def row(self, id: str) -> int:
        """The row of an id; NotFoundError if the index does not hold it."""
        try:
            value = np.uint64(hash_id(id.encode()))
        except UnicodeEncodeError:  # a lone surrogate, which no stored id can hold
            raise NotFoundError(f"no document with id {id!r}") from None
        at = int(np.searchsorted(self.hashes, value))
        while at < len(self.hashes) and self.hashes[at] == value:
            row = int(self.rows[at])
            if self.id(row) == id:
                return row
            at += 1
        raise NotFoundError(f"no document with id {id!r}")

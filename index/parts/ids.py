"""Ids: from row to id, and from id to row by a sorted table of 64-bit hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.arrays import ArrayWriter, OffsetWriter, open_array, open_numbers, open_offsets, write_array
from lsr.index.format.files import RESTORE
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart

BYTES_NAME = "ids_bytes.npy"
INDPTR_NAME = "ids_indptr.npy"
HASHES_NAME = "id_hashes.npy"
ROWS_NAME = "id_rows.npy"
_AT_A_TIME = 1 << 16


def hash_id(encoded: bytes) -> int:
    """The 64-bit BLAKE2b hash of an id in UTF-8."""
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


class IdWriter:
    """Writes the id table of a segment; holds 8 bytes a document in memory, 24 while sorting."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes = ArrayWriter(folder / BYTES_NAME, np.uint8)
        self._indptr = OffsetWriter(folder / INDPTR_NAME)
        self._hashes: list[npt.NDArray[np.uint64]] = []

    def check(self, documents: Sequence[Document]) -> None:
        """Do nothing: repeated ids are found at the end."""

    def append(self, documents: Sequence[Document]) -> None:
        """Append the documents' ids in row order."""
        encoded = [document.id.encode() for document in documents]
        self._indptr.append(np.fromiter((len(each) for each in encoded), np.int64, len(encoded)))
        self._bytes.append(np.frombuffer(b"".join(encoded), np.uint8))
        self._hashes.append(np.fromiter((hash_id(each) for each in encoded), np.uint64, len(encoded)))

    def close(self) -> None:
        """Close the files."""
        self._bytes.close()
        self._indptr.close()

    def finish(self) -> None:
        """Write the hash table; InputError names a repeated id and both of its rows."""
        self.close()
        hashes = np.concatenate(self._hashes)
        rows = np.argsort(hashes, kind="stable").astype(np.uint32)
        hashes = hashes[rows]
        write_array(self._folder / HASHES_NAME, hashes)
        write_array(self._folder / ROWS_NAME, rows)
        table = IdTable(self._folder, len(rows))
        for at in np.flatnonzero(hashes[1:] == hashes[:-1]):
            # Equal hashes may be three or more, of different ids: compare with every earlier one of the run.
            earlier = at
            while earlier >= 0 and hashes[earlier] == hashes[at + 1]:
                first, second = int(rows[earlier]), int(rows[at + 1])
                if table.id(first) == table.id(second):
                    raise InputError(f"id {table.id(first)!r} is used twice: in row {first} and in row {second}")
                earlier -= 1


class IdTable:
    """The ids of a segment, memory-mapped."""

    def __init__(self, folder: Path, documents: int) -> None:
        self.bytes = open_array(folder / BYTES_NAME, np.uint8)
        self.indptr = open_offsets(folder / INDPTR_NAME, documents + 1, len(self.bytes))
        self.hashes = open_array(folder / HASHES_NAME, np.uint64, documents)
        self.rows = open_numbers(folder / ROWS_NAME, np.uint32, documents, documents)
        self._folder = folder

    def id(self, row: int) -> str:
        """The id of one row; IndexFormatError if its bytes are not UTF-8."""
        encoded = self.bytes[self.indptr[row] : self.indptr[row + 1]].tobytes()
        try:
            return encoded.decode()
        except UnicodeDecodeError as error:
            problem = f"{self._folder / BYTES_NAME}: the id of row {row:,} is not UTF-8"
            raise IndexFormatError(problem, remedies=[BUILD_AGAIN, RESTORE]) from error

    def ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """The ids of several rows."""
        return [self.id(row) for row in rows.tolist()]

    def find(self, id: str) -> int | None:
        """The row of an id; None if the segment does not hold it."""
        try:
            value = np.uint64(hash_id(id.encode()))
        except UnicodeEncodeError:  # a lone surrogate, which no stored id can hold
            return None
        at = int(np.searchsorted(self.hashes, value))
        while at < len(self.hashes) and self.hashes[at] == value:
            row = int(self.rows[at])
            if self.id(row) == id:
                return row
            at += 1
        return None


def _id_problems(ids: IdTable) -> Iterator[str]:
    """An id that is not UTF-8, that its hash is not of, or that occurs twice."""
    for start in range(0, len(ids.rows), _AT_A_TIME):
        rows, hashes = ids.rows[start : start + _AT_A_TIME].tolist(), ids.hashes[start : start + _AT_A_TIME].tolist()
        before: tuple[int, str] | None = None
        for row, hashed in zip(rows, hashes, strict=True):
            try:
                id = ids.id(row)
            except IndexFormatError as error:
                yield f"{BYTES_NAME}: {error.problem.split(': ', 1)[1]}"
                return
            if hash_id(id.encode()) != hashed:
                yield f"{HASHES_NAME}: not the hash of the id of row {row:,}"
                return
            if before == (hashed, id):
                yield f"{BYTES_NAME}: the id of row {row:,} occurs twice"
                return
            before = hashed, id


class IdsPart(WrittenPart):
    """See `IdTable`."""

    name = "ids"
    title = "ids and their hash table"
    files = (BYTES_NAME, INDPTR_NAME, HASHES_NAME, ROWS_NAME)

    def open(self, folder: Path, record: SegmentRecord) -> IdTable:
        """See `Part.open`."""
        return IdTable(folder, record.documents)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        ids: IdTable = segment.part(self.name)
        whole = True
        if (ids.hashes[1:] < ids.hashes[:-1]).any():
            yield f"{HASHES_NAME}: hashes are not sorted"
            whole = False
        if not np.array_equal(np.sort(ids.rows), np.arange(segment.record.documents)):
            yield f"{ROWS_NAME}: not every row occurs exactly once"
            whole = False
        if whole:
            yield from _id_problems(ids)

    def begin(self, draft: SegmentDraft) -> IdWriter:
        """See `WrittenPart.begin`."""
        return IdWriter(draft.folder)

"""Ids: from row to id, and from id to row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.id_order import WindowOrder, order_of_names
from lsr.index.parts.names import NameFiles, NameTable, NameWriter, renumber
from lsr.index.parts.part import OpenSegment, WrittenPart

BYTES_NAME = "ids_bytes.npy"
FILES = NameFiles(BYTES_NAME, "ids_indptr.npy", "id_hashes.npy", "id_rows.npy", "id of row", "row")


class IdWriter:
    """Writes the id table of a segment, and finds the order of its rows if that goes by ids.

    Holds 8 bytes a document in memory, 24 while sorting.
    """

    def __init__(self, draft: SegmentDraft) -> None:
        self._draft = draft
        self._names = NameWriter(draft.folder, FILES)
        self._windows = WindowOrder(draft.folder) if draft.by_id and draft.windows is not None else None

    def check(self, documents: Sequence[Document]) -> None:
        """Do nothing: repeated ids are found at the end."""

    def append(self, documents: Sequence[Document]) -> None:
        """Append the documents' ids as they are added."""
        self._names.append(document.id for document in documents)
        if self._windows is not None:
            self._windows.append(document.id for document in documents)

    def close(self) -> None:
        """Close the files."""
        self._names.close()
        if self._windows is not None:
            self._windows.close()

    def finish(self) -> None:
        """Write the hash table, and tell the draft the order of its rows, if they are not as they were added.

        InputError names a repeated id and both of its rows, counted as they were added.
        """
        twice = self._names.finish()
        if twice is not None:
            id, first, second = twice
            raise InputError(f"id {id!r} is used twice: in row {first} and in row {second}")
        if self._draft.by_id:
            order = self._order()
            if (order[1:] < order[:-1]).any():
                self._draft.arrivals = order.astype(np.uint32)

    def _order(self) -> npt.NDArray[np.int64]:
        """The documents, or windows, by number as they were added, in the order of their rows."""
        if self._windows is not None:
            return self._windows.finish()
        ids = IdTable(self._draft.folder, self._draft.documents)
        return order_of_names(ids.bytes, ids.indptr)


class IdTable(NameTable):
    """The ids of a segment, memory-mapped: `find` gives the row of an id, or None if the segment does not hold it."""

    def __init__(self, folder: Path, documents: int) -> None:
        super().__init__(folder, FILES, documents)

    def id(self, row: int) -> str:
        """The id of one row; IndexFormatError if its bytes are not UTF-8."""
        return self.name(row)

    def ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """The ids of several rows."""
        return [self.name(row) for row in rows.tolist()]


class IdsPart(WrittenPart):
    """See `IdTable`."""

    name = "ids"
    title = "ids and their hash table"
    files = FILES[:4]

    def open(self, folder: Path, record: SegmentRecord) -> IdTable:
        """See `Part.open`."""
        return IdTable(folder, record.documents)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        ids: IdTable = segment.part(self.name)
        yield from ids.problems()

    def begin(self, draft: SegmentDraft) -> IdWriter:
        """See `WrittenPart.begin`."""
        return IdWriter(draft)

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """Put the ids in the order of the rows."""
        if draft.arrivals is not None:
            renumber(draft.folder, FILES, draft.arrivals)

"""The fields of a snapshot's documents: what there is to filter by, and the rows that a filter allows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lsr.core.errors import InputError
from lsr.core.remedies import add_part
from lsr.core.schema import ID, FieldType, Schema, joined
from lsr.index.filters.cache import BITMAPS
from lsr.index.filters.check import check_filter, type_of
from lsr.index.filters.compile import Mask, allowed_bitmap
from lsr.index.filters.records import read_filter
from lsr.index.live.rows import RowNumbers
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.searched_memory import Searched, SearchedMemory
from lsr.index.parts.documents import DocumentStore
from lsr.index.parts.fields.columns import FieldColumns
from lsr.index.parts.fields.part import NAME
from lsr.index.parts.fields.writer import columns_in_memory, fields_in_memory
from lsr.index.parts.ids import IdTable
from lsr.index.parts.segment import Segment
from lsr.index.parts.windows import WindowRows
from lsr.text.windows import is_first, split_window_id, window_id

# The fields of so many rows are read from the documents, where an index was built without columns of them.
MOST_IN_MEMORY = 100_000


class Fields:
    """The fields of all documents, which filters, orders and counts go by.

    An index that was built before there were columns of fields, and is small, reads them from its documents when they
    are first asked for; InputError says how to add them to a large one.
    """

    def __init__(self, segments: Sequence[Searched], rows: RowNumbers) -> None:
        self._rows = rows
        self.segments = tuple(map(_fields_of, segments))

    def __repr__(self) -> str:
        return f"Fields({self.schema.listed})"

    @cached_property
    def schema(self) -> Schema:
        """The fields that documents can be filtered by, and their types."""
        return joined(segment.schema for segment in self.segments)

    def allowed(self, given: Any) -> npt.NDArray[np.uint8] | None:
        """The rows that a filter allows: uint8 [⌈rows / 8⌉], packed as `allow` of a search; None for an empty filter.

        The filter is a string (`lsr.index.filters.language`), JSON (`records`) or a tree (`tree`). InputError if it
        cannot be read, or is about fields that there are not, or values of another type.
        """
        tree = read_filter(given)
        if tree is None:
            return None
        about_ids = all(condition.field == ID for condition in tree.conditions())
        schema = Schema() if about_ids else self.schema
        check_filter(tree, schema)
        found = [allowed_bitmap(tree, schema, segment, segment.bitmaps) for segment in self.segments]
        if len(found) == 1:
            return found[0]
        bits = [
            np.unpackbits(bitmap, count=segment.rows, bitorder="little")
            for bitmap, segment in zip(found, self.segments, strict=True)
        ]
        return np.packbits(np.concatenate(bits), bitorder="little")

    @cached_property
    def id_ranks(self) -> npt.NDArray[np.int64]:
        """The place of each document's id among all, in the order of their code points: int64 [documents]."""
        ids = pa.chunked_array([segment.id_column() for segment in self.segments])
        order = pc.sort_indices(ids).to_numpy()
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return ranks

    def type_of(self, name: str) -> FieldType:
        """The type of a field, or of "_id"; InputError, which names the fields there are, if there is none."""
        return type_of(name, Schema() if isinstance(name, str) and name == ID else self.schema)

    def column(self, name: str, kind: pa.DataType) -> pa.ChunkedArray:
        """The values of a field in all rows, as this type, to which its own can be cast."""
        pieces: list[pa.Array] = []
        for segment in self.segments:
            found = segment.column(name)
            pieces += [pa.nulls(segment.rows, kind)] if found is None else [piece.cast(kind) for piece in found]
        return pa.chunked_array(pieces, kind)


class SegmentFields:
    """The fields of one segment, as `lsr.index.filters.compile.FilteredRows`."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._lock = threading.Lock()
        self._columns: FieldColumns | None = None
        self.rows = len(segment)
        self.bitmaps = BITMAPS.owned()

    @property
    def schema(self) -> Schema:
        """The types of the segment's fields."""
        return self.columns.schema

    @property
    def columns(self) -> FieldColumns:
        """The columns, opened or made when they are first asked for."""
        if self._columns is None:
            with self._lock:
                if self._columns is None:
                    self._columns = self._open()
        return self._columns

    def _open(self) -> FieldColumns:
        segment = self._segment
        if segment.has_part(NAME):
            opened: FieldColumns = segment.part(NAME)
            return opened
        path = segment.folder.parent
        if self.rows > MOST_IN_MEMORY:
            raise InputError(
                f"the index at {path} has no columns of its documents' fields, which filters and orders go by",
                remedies=[add_part(NAME, path)],
            )
        store: DocumentStore = segment.part("documents")
        schema, data = fields_in_memory(store, windows=self._windows is not None)
        return FieldColumns(data, schema, self.rows, path, path)

    @property
    def _windows(self) -> WindowRows | None:
        return self._segment.part("windows") if self._segment.has_part("windows") else None

    # -- what filters look at ----------------------------------------------------------------------------------------

    def column(self, name: str) -> list[pa.Array] | None:
        """See `FilteredRows`."""
        return self.columns.column(name)

    def rows_of_id(self, id: str) -> range:
        """See `FilteredRows`."""
        ids: IdTable = self._segment.part("ids")
        windows = self._windows
        row = ids.find(id if windows is None else window_id(id, 0))
        if row is None:
            return range(0)
        return range(row, row + 1) if windows is None else windows.rows_beside(row)

    def id_column(self) -> pa.Array:
        """See `FilteredRows`; the ids of windows' documents are put together anew each time."""
        ids: IdTable = self._segment.part("ids")
        windows = self._windows
        if windows is None:
            offsets = np.ascontiguousarray(ids.indptr)
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(ids.bytes))]
            return pa.Array.from_buffers(pa.large_binary(), self.rows, buffers)
        firsts = windows.first_rows(np.arange(windows.documents))
        return pa.array([split_window_id(id)[0].encode() for id in ids.ids(firsts)], pa.large_binary())

    def of_documents(self, mask: Mask) -> Mask:
        """See `FilteredRows`."""
        windows = self._windows
        return mask if windows is None else mask[windows.row_documents]


class MemoryFields(SegmentFields):
    """The fields of documents in memory."""

    def __init__(self, memory: SearchedMemory) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._columns: FieldColumns | None = None
        self.rows = len(memory)
        self.bitmaps = BITMAPS.owned()

    def _open(self) -> FieldColumns:
        documents = self._memory.store.documents(0, self.rows)

        def fields() -> Iterator[dict[str, Any]]:
            known: dict[str, Any] = {}
            for document in documents:
                if self._windows is None:
                    yield document.fields
                    continue
                # Only a document's first window has its fields.
                known = document.fields.get("fields", {}) if is_first(document.id) else known
                yield known

        schema, data = columns_in_memory(fields, self._memory.state.schema)
        where = Path("memory")
        return FieldColumns(data, schema, self.rows, where, where)

    def rows_of_id(self, id: str) -> range:
        """See `FilteredRows`."""
        windows = self._windows
        row = self._memory.ids.find(id if windows is None else window_id(id, 0))
        if row is None:
            return range(0)
        return range(row, row + 1) if windows is None else windows.rows_beside(row)

    def id_column(self) -> pa.Array:
        """See `FilteredRows`."""
        ids = self._memory.ids.ids(np.arange(self.rows))
        if self._windows is not None:
            ids = [split_window_id(id)[0] for id in ids if is_first(id)]
        return pa.array([id.encode() for id in ids], pa.large_binary())

    @property
    def _windows(self) -> WindowRows | None:
        return self._memory.windows


def _fields_of(segment: Searched) -> SegmentFields:
    return SegmentFields(segment.segment) if isinstance(segment, SearchedSegment) else MemoryFields(segment)

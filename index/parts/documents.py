"""The stored documents: an Arrow IPC file in record batches, memory-mapped and read a row at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.files import RESTORE, map_index_file
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.document_writer import BATCH_ROWS, SCHEMA, DocumentWriter
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.ids import BYTES_NAME, IdTable
from lsr.index.parts.part import OpenSegment, WrittenPart

FILE_NAME = "documents.arrow"
_KEPT_BATCHES = 256


class _Column:
    """The texts of one column of a batch: views of the mapped file, which are read within their bounds.

    Arrow believes the offsets that a file holds, and would read whatever memory they point to.
    """

    __slots__ = ("_data", "_offsets")

    def __init__(self, column: pa.LargeStringArray) -> None:
        validity, offsets, data = column.buffers()
        if column.offset or (validity is not None and column.null_count):
            raise ValueError("a text is missing")
        self._offsets = memoryview(offsets).cast("q")
        self._data = memoryview(b"" if data is None else data)
        if len(self._offsets) <= len(column):
            raise ValueError(f"{len(self._offsets):,} offsets for {len(column):,} texts")

    def __getitem__(self, place: int) -> str:
        """The text at a place; ValueError if its bytes are not there or not UTF-8."""
        start, stop = self._offsets[place], self._offsets[place + 1]
        if not 0 <= start <= stop <= len(self._data):
            raise ValueError(f"the offsets of a text are {start:,} and {stop:,}, of {len(self._data):,} bytes")
        return str(self._data[start:stop], "utf-8")


class DocumentStore:
    """The documents of a segment. Opening reads the footer only; a document costs one batch's metadata.

    What is read is checked as it is read: IndexFormatError for a batch that is not readable, offsets beyond the file,
    text that is not UTF-8 or fields that are not a JSON object.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        content = map_index_file(path)  # says itself what is no damage, as a file that this user may not read
        try:
            self._reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(content)))
            found = ", ".join(f"{field.name}: {field.type}" for field in self._reader.schema)
        except (OSError, ValueError, pa.ArrowException) as error:  # names of columns need not be UTF-8 either
            raise self._damaged(error) from error
        if self._reader.schema != SCHEMA:
            raise self._damaged(f"columns {found[:200]}")
        self._lock = threading.Lock()
        # Views of the mapped file: small to keep, and slower to make than reading a document.
        self._columns = lru_cache(_KEPT_BATCHES)(self._read_columns)

    def __len__(self) -> int:
        """Number of documents; reads the last batch."""
        batches = self.batches
        return (batches - 1) * BATCH_ROWS + len(self.batch(batches - 1)) if batches else 0

    @property
    def batches(self) -> int:
        """Number of batches, each of 512 documents but the last."""
        return int(self._reader.num_record_batches)

    def batch(self, number: int) -> pa.RecordBatch:
        """One batch, as Arrow reads it: not checked."""
        try:
            with self._lock:  # Arrow's file reader does not promise to be shared by threads
                return self._reader.get_batch(number)
        except (OSError, ValueError, pa.ArrowException, MemoryError) as error:
            raise self._damaged(f"batch {number:,}: {error}") from error

    def document(self, row: int) -> Document:
        """The document of one row."""
        batch, place = divmod(row, BATCH_ROWS)
        columns = self._columns(batch)
        try:
            return _document(*(column[place] for column in columns))
        except (ValueError, IndexError, RecursionError) as error:
            raise self._damaged(f"row {row:,}: {error}") from error

    def documents(self, first: int, last: int) -> list[Document]:
        """The documents of rows first … last - 1."""
        return [self.document(row) for row in range(first, last)]

    def _read_columns(self, batch: int) -> list[_Column]:
        """The ids, titles, texts and fields of a batch."""
        if not 0 <= batch < self.batches:
            raise self._damaged(f"there is no batch {batch:,}")
        try:
            return [_Column(column) for column in self.batch(batch).columns]
        except (ValueError, TypeError) as error:
            raise self._damaged(f"batch {batch:,}: {error}") from error

    def _damaged(self, problem: object) -> IndexFormatError:
        return IndexFormatError(f"{self._path}: not a readable Arrow file ({problem})", remedies=[BUILD_AGAIN, RESTORE])


def _document(id: str, title: str, text: str, fields: str) -> Document:
    values = json.loads(fields) if fields else {}
    if not isinstance(values, dict):
        raise ValueError("the fields are not a JSON object")
    return Document(id, text, title, values)


class DocumentsPart(WrittenPart):
    """See `DocumentStore`."""

    name = "documents"
    title = "titles, texts and fields"
    files = (FILE_NAME,)

    def open(self, folder: Path, record: SegmentRecord) -> DocumentStore:
        """See `Part.open`."""
        return DocumentStore(folder / FILE_NAME)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        store: DocumentStore = segment.part(self.name)
        expected, stored = segment.record.documents, len(store)
        if stored != expected:
            yield f"{FILE_NAME}: expected {expected:,} documents, found {stored:,}"
            return
        ids: IdTable = segment.part("ids")
        for number in range(store.batches):
            batch, first = store.batch(number), number * BATCH_ROWS
            if len(batch) != min(BATCH_ROWS, expected - first):
                yield f"{FILE_NAME}: batch {number:,} holds {len(batch):,} documents"
                return
            try:
                batch.validate(full=True)
            except pa.ArrowException as error:
                yield f"{FILE_NAME}: batch {number:,}: {error}"
                return
            stored_ids = ids.ids(np.arange(first, first + len(batch)))
            for row, document in enumerate(store.documents(first, first + len(batch)), start=first):
                if document.id != stored_ids[row - first]:
                    yield f"{FILE_NAME}: the id of row {row:,} is another than in {BYTES_NAME}"
                    return

    def begin(self, draft: SegmentDraft) -> DocumentWriter:
        """See `WrittenPart.begin`."""
        return DocumentWriter(draft.folder / FILE_NAME)

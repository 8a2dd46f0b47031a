"""The stored documents: an Arrow IPC file in record batches, memory-mapped and read a row at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.manifest import SegmentRecord
from lsr.index.parts.document_writer import BATCH_ROWS, DocumentWriter
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart

FILE_NAME = "documents.arrow"
_KEPT_BATCHES = 256


class DocumentStore:
    """The documents of a segment. Opening reads only the footer; a document costs one batch's metadata."""

    def __init__(self, path: Path) -> None:
        try:
            self._reader = pa.ipc.open_file(pa.memory_map(str(path)))
        except (OSError, pa.ArrowInvalid) as error:
            raise IndexFormatError(f"{path}: not a readable Arrow file ({error})", remedies=[BUILD_AGAIN]) from error
        self._lock = threading.Lock()
        # Views of the mapped file: small to keep, and slower to make than reading a document.
        self._columns = lru_cache(_KEPT_BATCHES)(self._read_columns)

    def __len__(self) -> int:
        """Number of documents; reads the last batch."""
        batches = int(self._reader.num_record_batches)
        if not batches:
            return 0
        with self._lock:
            return (batches - 1) * BATCH_ROWS + int(self._reader.get_batch(batches - 1).num_rows)

    def document(self, row: int) -> Document:
        """The document of one row."""
        batch, place = divmod(row, BATCH_ROWS)
        # One value of each column: a slice of them, as `documents` takes, costs half as much again.
        return _document(*(column[place].as_py() for column in self._columns(batch)))

    def documents(self, first: int, last: int) -> list[Document]:
        """The documents of rows first … last - 1."""
        found: list[Document] = []
        for batch in range(first // BATCH_ROWS, -(-last // BATCH_ROWS)):
            start = batch * BATCH_ROWS
            part = slice(max(first - start, 0), min(last - start, BATCH_ROWS))
            values = (column[part].to_pylist() for column in self._columns(batch))
            found += [_document(*each) for each in zip(*values, strict=True)]
        return found

    def _read_columns(self, batch: int) -> list[pa.LargeStringArray]:
        """The ids, titles, texts and fields of a batch."""
        with self._lock:  # Arrow's file reader does not promise to be shared by threads
            return self._reader.get_batch(batch).columns


def _document(id: str, title: str, text: str, fields: str) -> Document:
    return Document(id, text, title, json.loads(fields) if fields else {})


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
        expected, stored = segment.record.documents, len(segment.part(self.name))
        if stored != expected:
            yield f"{FILE_NAME}: expected {expected:,} documents, found {stored:,}"

    def begin(self, draft: SegmentDraft) -> DocumentWriter:
        """See `WrittenPart.begin`."""
        return DocumentWriter(draft.folder / FILE_NAME)

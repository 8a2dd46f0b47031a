"""The stored documents: an Arrow IPC file in record batches, memory-mapped and read a row at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.manifest import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart

FILE_NAME = "documents.arrow"
# Every batch but the last holds this many rows, so that a row's place is plain arithmetic.
BATCH_ROWS = 512
_KEPT_BATCHES = 256

# Large strings: 64-bit offsets, so that no batch of long texts can overflow.
_SCHEMA = pa.schema([(name, pa.large_string()) for name in ("id", "title", "text", "fields")])


class DocumentWriter:
    """Writes the documents of a segment; holds at most one batch in memory."""

    def __init__(self, path: Path) -> None:
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, _SCHEMA)
        self._waiting: list[Document] = []

    def check(self, documents: Sequence[Document]) -> None:
        """InputError for a document whose texts are not valid Unicode or whose fields are not JSON values."""
        for document in documents:
            _check_storable(document)

    def append(self, documents: Sequence[Document]) -> None:
        """Append documents in row order."""
        self._waiting.extend(documents)
        while len(self._waiting) >= BATCH_ROWS:
            self._write(self._waiting[:BATCH_ROWS])
            del self._waiting[:BATCH_ROWS]

    def finish(self) -> None:
        """Write what is buffered, and close."""
        if self._waiting:
            self._write(self._waiting)
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
        self._sink.close()

    def _write(self, documents: list[Document]) -> None:
        columns = [
            pa.array([getattr(document, name) for document in documents], pa.large_string())
            for name in ("id", "title", "text")
        ]
        columns.append(pa.array([_fields_text(document) for document in documents], pa.large_string()))
        self._writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))


def _check_storable(document: Document) -> None:
    for name in ("id", "title", "text"):
        value = getattr(document, name)
        if not isinstance(value, str):
            raise InputError(f"document {document.id!r}: expected text, not {type(value).__name__}", field=name)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"document {document.id!r}: not valid Unicode ({error.reason})", field=name) from error
    try:
        _fields_text(document).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"document {document.id!r}: not JSON values ({error})", field="fields") from error


def _fields_text(document: Document) -> str:
    return json.dumps(document.fields, ensure_ascii=False, allow_nan=False) if document.fields else ""


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

"""Writing the stored documents."""

from __future__ import annotations

import json
import mmap
import tempfile
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.values import problem_in

# Every batch but the last holds this many rows, so that a row's place is plain arithmetic.
BATCH_ROWS = 512
_HELD_BYTES = 1 << 25

# Large strings: 64-bit offsets, so that no batch of long texts can overflow.
SCHEMA = pa.schema([(name, pa.large_string()) for name in ("id", "title", "text", "fields")])


class DocumentWriter:
    """Writes the documents of a segment. Holds at most one batch in memory, or of long ones `_HELD_BYTES` of it."""

    def __init__(self, path: Path) -> None:
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, SCHEMA)
        self._columns = [_Column(path.parent) for _ in SCHEMA]
        self._rows = self._held = 0

    def check(self, documents: Sequence[Document]) -> None:
        """InputError for a document whose texts are not valid Unicode or whose fields are not JSON values."""
        for document in documents:
            check_storable(document)

    def append(self, documents: Sequence[Document]) -> None:
        """Append documents as they are added."""
        for document in documents:
            values = (document.id, document.title, document.text, _fields_text(document))
            self._held += sum(column.append(value) for column, value in zip(self._columns, values, strict=True))
            self._rows += 1
            if self._rows == BATCH_ROWS:
                self._write()
            elif self._held > _HELD_BYTES:
                for column in self._columns:
                    column.spill()
                self._held = 0

    def finish(self) -> None:
        """Write what waits, and close."""
        if self._rows:
            self._write()
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
        self._sink.close()
        for column in self._columns:
            column.clear()

    def _write(self) -> None:
        self._writer.write_batch(pa.record_batch([column.array() for column in self._columns], schema=SCHEMA))
        for column in self._columns:
            column.clear()
        self._rows = self._held = 0


class _Column:
    """The values of one column of a batch, of which a file without a name takes what memory should not hold."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._values: list[bytes] = []
        self._ends = array("q", [0])

    def append(self, value: str) -> int:
        """Append a value; its length in bytes."""
        data = value.encode()
        self._values.append(data)
        self._ends.append(self._ends[-1] + len(data))
        return len(data)

    def spill(self) -> None:
        """Move what memory holds to the file."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        self._file.writelines(self._values)
        self._values.clear()

    def array(self) -> pa.LargeStringArray:
        """All values, those in the file mapped."""
        if self._file is None:
            data = pa.py_buffer(b"".join(self._values))
        else:
            self.spill()
            self._file.flush()
            size = self._ends[-1]
            data = pa.py_buffer(mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ) if size else b"")
        return pa.LargeStringArray.from_buffers(len(self._ends) - 1, pa.py_buffer(self._ends), data)

    def clear(self) -> None:
        """Forget the values."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._values = []
        self._ends = array("q", [0])


def check_storable(document: Document) -> None:
    """InputError for a document whose texts are not valid Unicode or whose fields are not JSON values."""
    for name in ("id", "title", "text"):
        value = getattr(document, name)
        if not isinstance(value, str):
            raise InputError(f"document {document.id!r}: expected text, not {type(value).__name__}", field=name)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"document {document.id!r}: not valid Unicode ({error.reason})", field=name) from error
    if not isinstance(document.fields, dict):
        kind = type(document.fields).__name__
        raise InputError(f"document {document.id!r}: expected a dict, not {kind}", field="fields")
    if document.fields and (problem := problem_in(document.fields)):
        raise InputError(f"document {document.id!r}: {problem[1]}", field=f"fields.{problem[0]}")
    try:
        _fields_text(document).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"document {document.id!r}: not JSON values ({error})", field="fields") from error


def _fields_text(document: Document) -> str:
    return json.dumps(document.fields, ensure_ascii=False, allow_nan=False) if document.fields else ""

"""Typed columns, opened: mapped, and checked before anything goes by them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from lsr.core.errors import IndexFormatError
from lsr.core.remedies import add_part_again
from lsr.core.schema import Schema
from lsr.index.parts.fields.writer import arrow_schema


class FieldColumns:
    """The fields of a segment's rows. Opening reads the footer; a column is checked when it is first asked for.

    Attributes:
        schema: their types.
        rows: how many there are.
        path: of the file, and index: of what it is a part of; for messages.
    """

    def __init__(self, data: pa.Buffer, schema: Schema, rows: int, path: Path, index: Path) -> None:
        """Open the columns of a file's bytes. IndexFormatError if they are not those of the schema."""
        self.schema, self.rows, self.path, self.index = schema, rows, path, index
        try:
            self._reader = pa.ipc.open_file(pa.BufferReader(data))
            found = self._reader.schema.remove_metadata()
            expected = arrow_schema(schema)
            fits = found.equals(expected)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self.damaged(error) from error
        if not fits:
            raise self.damaged("its columns are not those of the schema")
        self._size = data.size
        self._lock = threading.Lock()
        self._columns: dict[str, list[pa.Array]] = {}

    def column(self, name: str) -> list[pa.Array] | None:
        """The values of a field, by row, in pieces; None if there is no such field.

        IndexFormatError for what Arrow could not read within its bounds: offsets beyond the file, text that is not
        UTF-8, another number of rows.
        """
        if name not in self.schema.fields:
            return None
        with self._lock:
            if name not in self._columns:
                place = list(self.schema.fields).index(name)
                pieces = []
                for batch in self._batches():
                    piece = batch.column(place)
                    try:
                        piece.validate(full=True)
                    except (ValueError, pa.ArrowException) as error:
                        raise self.damaged(f"{name}: {error}") from error
                    pieces.append(piece)
                if sum(map(len, pieces)) != self.rows:
                    raise self.damaged(f"expected {self.rows:,} rows, found {sum(map(len, pieces)):,}")
                self._columns[name] = pieces
            return self._columns[name]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The columns in batches, each checked."""
        for batch in self._batches():
            try:
                batch.validate(full=True)
            except (ValueError, pa.ArrowException) as error:
                raise self.damaged(error) from error
            yield batch

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for number in range(self._reader.num_record_batches):
            try:
                batch = self._reader.get_batch(number)
                # What is written is not compressed: it takes no more room in memory than in the file. (`nbytes` would
                # read offsets, which are not checked yet.)
                if batch.get_total_buffer_size() > self._size:
                    raise ValueError(f"batch {number:,} is larger than the file")
            except (OSError, ValueError, pa.ArrowException, MemoryError) as error:
                raise self.damaged(error) from error
            yield batch

    def damaged(self, problem: object) -> IndexFormatError:
        """The error for a file with this problem."""
        said = f"{self.path}: not readable as columns of fields ({problem})"
        return IndexFormatError(said, remedies=[add_part_again("fields", self.index)])

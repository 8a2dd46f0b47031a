"""The files of a training set: a folder of Arrow IPC files and a manifest.

`texts.arrow` holds the candidate texts with their ids, `text_ids.arrow` maps an id to its row, and `examples.arrow`
holds the queries, whose candidates are rows of the texts.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from lsr.core.errors import InputError

FORMAT = "lsr training set"
VERSION = 1
MANIFEST, TEXTS, TEXT_IDS, EXAMPLES = "manifest.json", "texts.arrow", "text_ids.arrow", "examples.arrow"

# Every batch but the last holds this many rows, so that a row's place is plain arithmetic.
BATCH_ROWS = 512

# Large strings: 64-bit offsets, so that no batch of long texts can overflow.
TEXT_SCHEMA = pa.schema([("id", pa.large_string()), ("text", pa.large_string())])
TEXT_ID_SCHEMA = pa.schema([("hash", pa.uint64()), ("row", pa.uint32())])
EXAMPLE_SCHEMA = pa.schema(
    [
        ("query_id", pa.large_string()),
        ("query", pa.large_string()),
        ("positives", pa.list_(pa.uint32())),
        ("negatives", pa.list_(pa.uint32())),
        ("scores", pa.list_(pa.float32())),
    ]
)


def hash_text(text: str) -> int:
    """The 64-bit BLAKE2b hash of a text in UTF-8; `text_ids.arrow` is sorted by that of the ids."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


class RowWriter:
    """Writes rows to an Arrow file; holds at most one batch in memory."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, schema)
        self._waiting: list[tuple[Any, ...]] = []

    def append(self, row: tuple[Any, ...]) -> int:
        """Append one row of values in the order of the schema; return its number."""
        self._waiting.append(row)
        if len(self._waiting) == BATCH_ROWS:
            self._flush()
        self.rows += 1
        return self.rows - 1

    def finish(self) -> None:
        """Write what is buffered, and close the file."""
        if self._waiting:
            self._flush()
        self.close()

    def close(self) -> None:
        """Close the file; may be called more than once."""
        if not self._sink.closed:
            self._writer.close()
            self._sink.close()

    def _flush(self) -> None:
        columns = zip(*self._waiting, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._waiting.clear()


class RowReader:
    """The rows of an Arrow file, memory-mapped. A batch is opened when one of its rows is first asked for."""

    def __init__(self, path: Path, schema: pa.Schema, rows: int) -> None:
        try:
            self._file = pa.ipc.open_file(pa.memory_map(str(path)))
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"not a readable Arrow file ({error}): make the set again", source=str(path)) from error
        expected = -(-rows // BATCH_ROWS)
        if not self._file.schema.equals(schema) or self._file.num_record_batches != expected:
            raise InputError("not the file that the set's manifest describes: make the set again", source=str(path))
        self._rows = rows
        self._batches: list[pa.RecordBatch | None] = [None] * expected
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._rows

    @property
    def batches(self) -> int:
        """Number of record batches."""
        return len(self._batches)

    def batch(self, number: int) -> pa.RecordBatch:
        """One batch of BATCH_ROWS rows; the last may be shorter."""
        batch = self._batches[number]
        if batch is None:
            with self._lock:  # Arrow's file reader does not promise to be shared by threads
                batch = self._batches[number] = self._file.get_batch(number)
        return batch

    def values(self, row: int, columns: Sequence[int]) -> list[Any]:
        """Values of one row in the columns with these numbers."""
        if not 0 <= row < self._rows:
            raise IndexError(f"no row {row}: there are {self._rows} rows")
        number, within = divmod(int(row), BATCH_ROWS)
        batch = self.batch(number)
        return [batch.column(column)[within].as_py() for column in columns]

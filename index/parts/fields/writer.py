"""Writing the fields of documents as typed columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from lsr.core.documents import Document
from lsr.core.schema import BOOLEAN, DATETIME, FLOAT, INTEGER, KEYWORD, FieldType, Schema, SchemaObserver
from lsr.core.values import characters_in
from lsr.index.format.files import map_index_file
from lsr.index.parts.documents import DocumentStore
from lsr.text.windows import is_first, split_window_id

FILE_NAME = "fields.arrow"
_BATCH_ROWS = 1 << 14
_BATCH_CHARACTERS = 1 << 24

_TYPES = {
    KEYWORD: pa.large_string(),
    INTEGER: pa.int64(),
    FLOAT: pa.float64(),
    DATETIME: pa.timestamp("us", tz="UTC"),
    BOOLEAN: pa.bool_(),
}


def arrow_type(kind: FieldType) -> pa.DataType:
    """The type of a field's column."""
    return pa.large_list(_TYPES[kind.kind]) if kind.many else _TYPES[kind.kind]


def arrow_schema(schema: Schema) -> pa.Schema:
    """The columns of a segment: a field each, by name."""
    return pa.schema([(name, arrow_type(kind)) for name, kind in schema.fields.items()])


def arrays_of(schema: Schema, rows: Sequence[Sequence[Any]]) -> list[pa.Array]:
    """The columns of rows of stored values (`Schema.stored`)."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema.fields)
    return [pa.array(list(c), arrow_type(t)) for c, t in zip(columns, schema.fields.values(), strict=True)]


def write_fields(sink: Any, schema: Schema, fields: Iterable[Mapping[str, Any]]) -> None:
    """Write the fields of each row to an Arrow file, or to any sink of Arrow's; some thousand rows are in memory.

    ValueError for a value that does not fit the schema.
    """
    columns = arrow_schema(schema)
    with pa.ipc.new_file(sink, columns) as writer:
        if not schema.fields:
            return
        for rows in _batches(schema, fields):
            writer.write_batch(pa.record_batch(arrays_of(schema, rows), schema=columns))


def _batches(schema: Schema, fields: Iterable[Mapping[str, Any]]) -> Iterator[list[list[Any]]]:
    rows: list[list[Any]] = []
    held = 0
    for values in fields:
        stored = schema.stored(values)
        rows.append(stored)
        held += characters_in(stored)
        if len(rows) == _BATCH_ROWS or held > _BATCH_CHARACTERS:
            yield rows
            rows, held = [], 0
    if rows:
        yield rows


class FieldsDraft:
    """Looks at the documents of a segment that is built, and writes their fields once they are stored.

    Args:
        folder: of the segment.
        schema: declared, or None to infer one.
        windows: whether rows are windows of documents, of which the first has the document's fields.
    """

    def __init__(self, folder: Path, schema: Schema | None, *, windows: bool) -> None:
        self._folder, self._schema, self._windows = folder, schema, windows
        self._observer = SchemaObserver()

    def check(self, documents: Sequence[Document]) -> None:
        """InputError for a document that does not fit a declared schema."""
        if self._schema is not None:
            self._schema.check(self._whole(documents))

    def append(self, documents: Sequence[Document]) -> None:
        """Look at documents that `check` accepted."""
        if self._schema is None:
            for document in self._whole(documents):
                if document.fields:
                    self._observer.add(document.fields)

    def finish(self) -> None:
        """Do nothing: see `write`."""

    def close(self) -> None:
        """Do nothing: no file is open."""

    @property
    def schema(self) -> Schema | None:
        """What the columns are to be; None if no document has any field."""
        schema = self._observer.schema() if self._schema is None else self._schema
        return None if schema == Schema() else schema

    def write(self, folder: Path, documents: DocumentStore) -> None:
        """Write the columns into a folder, from the stored documents."""
        schema = self.schema
        assert schema is not None
        fields = documents.fields(windows=self._windows)
        with pa.OSFile(str(folder / FILE_NAME), "wb") as sink:
            write_fields(sink, schema, fields)

    def _whole(self, rows: Sequence[Document]) -> Iterable[Document]:
        """The documents with their own fields, once each."""
        if not self._windows:
            return rows
        firsts = (row for row in rows if is_first(row.id))
        return [Document(split_window_id(row.id)[0], "", fields=row.fields.get("fields") or {}) for row in firsts]


def fields_in_memory(store: DocumentStore, *, windows: bool) -> tuple[Schema, pa.Buffer]:
    """The schema that the documents' fields have, and the file that would be written of them, in memory."""
    return columns_in_memory(lambda: store.fields(windows=windows))


def columns_in_memory(
    fields: Callable[[], Iterable[Mapping[str, Any]]], declared: Schema | None = None
) -> tuple[Schema, pa.Buffer]:
    """The schema of the fields of rows, which are gone through twice, and the file that would be written of them.

    The schema is inferred, unless it is declared.
    """
    observer = SchemaObserver()
    for values in fields() if declared is None else ():
        if values:
            observer.add(values)
    schema, sink = declared or observer.schema(), pa.BufferOutputStream()
    write_fields(sink, schema, fields())
    return schema, sink.getvalue()


def mapped(path: Path) -> pa.Buffer:
    """The bytes of a file of columns, mapped."""
    return pa.py_buffer(map_index_file(path))

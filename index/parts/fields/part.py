"""Typed fields, as a part: written with the segment from its documents, opened on first use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from lsr.core.errors import IndexFormatError, InputError, Remedy
from lsr.core.remedies import add_part, add_part_again
from lsr.core.schema import Schema, joined
from lsr.index.format.output import seal
from lsr.index.format.records import PartRecord, SegmentRecord
from lsr.index.parts.documents import DocumentStore
from lsr.index.parts.fields.columns import FieldColumns
from lsr.index.parts.fields.writer import FILE_NAME, arrays_of, arrow_schema, mapped
from lsr.index.parts.part import AddedPart, CarriedRows, OpenSegment, copy_part

NAME = "fields"
_ROWS_AT_A_TIME = 1 << 14


class FieldsPart(AddedPart):
    """See `FieldColumns`."""

    name = NAME
    title = "typed fields, for filters"

    def open(self, folder: Path, record: SegmentRecord) -> FieldColumns:
        """See `Part.open`."""
        path = folder / FILE_NAME
        try:
            schema = Schema.from_record(record.parts[NAME].record)
        except InputError as error:
            raise IndexFormatError(f"{folder}: the record of the fields is not readable ({error.problem})") from error
        return FieldColumns(mapped(path), schema, record.documents, path, folder.parent.parent)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`: compares the columns with the documents."""
        columns: FieldColumns = segment.part(NAME)
        store: DocumentStore = segment.part("documents")
        stored = store.fields(windows=segment.record.windows is not None)
        row = 0
        for batch in columns.batches():
            values = list(islice(stored, len(batch)))
            try:
                expected = arrays_of(columns.schema, [columns.schema.stored(each) for each in values])
            except ValueError as error:
                yield f"{FILE_NAME}: a document of rows {row:,} and following does not fit the schema ({error})"
                return
            for name, found, right in zip(columns.schema.fields, batch.columns, expected, strict=True):
                if not found.equals(right):
                    yield f"{FILE_NAME}: {name} is not what the documents of rows {row:,} and following say"
                    return
            row += len(batch)
        if columns.schema.fields and row != columns.rows:
            yield f"{FILE_NAME}: expected {columns.rows:,} rows, found {row:,}"

    def mend(self, path: Path, *, damaged: bool = False) -> Remedy:
        """See `Part.mend`."""
        return add_part_again(NAME, path) if damaged else add_part(NAME, path)

    def carry(self, sources: Sequence[CarriedRows], folder: Path) -> PartRecord:
        """See `AddedPart.carry`. Inferred schemas become that of all: `lsr.core.schema.joined`."""
        if len(sources) == 1 and sources[0].rows is None:
            return copy_part(sources[0], folder)
        schema = joined(source.opened.schema for source in sources)
        columns = arrow_schema(schema)
        with pa.OSFile(str(folder / FILE_NAME), "wb") as sink, pa.ipc.new_file(sink, columns) as writer:
            for source in sources if schema.fields else ():
                held: FieldColumns = source.opened
                chosen = source.numbers(held.rows)
                for start in range(0, len(chosen), _ROWS_AT_A_TIME):
                    rows = pa.array(chosen[start : start + _ROWS_AT_A_TIME])
                    taken = [
                        _taken(held, name, rows, kind) for name, kind in zip(columns.names, columns.types, strict=True)
                    ]
                    writer.write_batch(pa.record_batch(taken, schema=columns))
        return PartRecord(folder.name, schema.to_record(), seal(folder))


def _taken(held: FieldColumns, name: str, rows: pa.Array, kind: pa.DataType) -> pa.Array:
    """Some rows of a field, in the type that it has among all."""
    pieces = held.column(name)
    if pieces is None:
        return pa.nulls(len(rows), kind)
    taken = pa.chunked_array(pieces).take(rows).combine_chunks()
    if pa.types.is_large_list(kind) and not pa.types.is_large_list(taken.type):
        values = taken.cast(kind.value_type)
        ends = np.cumsum(values.is_valid().to_numpy(zero_copy_only=False), dtype=np.int64)
        offsets = pa.array(np.concatenate([[0], ends]))
        return pa.LargeListArray.from_arrays(offsets, values.drop_null(), mask=values.is_null())
    return taken.cast(kind)

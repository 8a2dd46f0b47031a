"""Parquet files with the fields as columns, of which some megabytes are in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes
from lsr.text.lines import OnBad, name_of
from lsr.text.readers import unique_columns
from lsr.text.records import ID_NAMES, TEXT_NAMES, FieldNames, Record, json_value
from lsr.text.reports import Reporter

_MOST_ROWS = 4096
_BATCH_BYTES = 1 << 24
_READ_BYTES = 1 << 20
# Text shrinks to a third or a tenth; a file that unpacks to a thousand times its size was made to fill the memory.
_MOST_PACKED = 1000
_WELL_PACKED = 50
_LARGE = 1 << 22  # writers stop a dictionary at 1 MiB
_TITLE = "title"


def read_parquet(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """The rows of a Parquet file, some megabytes in memory at once; the line of a row is its number from 1.

    Binary values are UTF-8 text, as writers without a type of text leave it. A row whose value is none, or cannot be
    told in JSON (a date beyond the year 9999), is bad; but fields other than id, title and text that hold bytes are
    left out, and counted.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name, tell = name_of(source), Reporter.of(on_bad)
    try:
        # Unlike whole row groups, which may be gigabytes, pages are read as they are needed.
        with pq.ParquetFile(source, pre_buffer=False, buffer_size=_READ_BYTES) as file:
            unique_columns(file.schema_arrow.names, source)
            row = 0
            for group in range(file.num_row_groups):
                try:
                    most = _batch_rows(file.metadata.row_group(group))
                except ValueError as error:
                    raise InputError(str(error), source=name, line=row + 1) from None
                for batch in file.iter_batches(batch_size=most, row_groups=[group]):
                    for values in _rows(batch):
                        row += 1
                        record = _record(values, row, names, name, tell)
                        if record is not None:
                            yield record
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"not a readable Parquet file: {error}", source=name) from error


def count_rows(source: str | Path) -> int:
    """How many rows a Parquet file says it has. InputError if it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(Path(source).absolute()).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"not a readable Parquet file: {error}", source=name_of(source)) from error


def _batch_rows(group: Any) -> int:
    """How many rows of a group may be in memory together. ValueError if not even one."""
    row_bytes = int(group.total_byte_size) // max(1, int(group.num_rows))
    if row_bytes > LONGEST_RECORD:
        raise ValueError(f"rows of more than {in_mebibytes(LONGEST_RECORD)}")
    most = max(1, min(_MOST_ROWS, _BATCH_BYTES // max(row_bytes, 1)))
    for number in range(group.num_columns):
        column = group.column(number)
        size, packed = int(column.total_uncompressed_size), max(1, int(column.total_compressed_size))
        if size > _LARGE and size > _MOST_PACKED * packed:
            raise ValueError(f"column {column.path_in_schema} unpacks to {size // packed:,} times its size")
        # Rows that are places in a dictionary of long values are far larger in memory than in the file.
        dictionary = column.data_page_offset - column.dictionary_page_offset if column.has_dictionary_page else 0
        if dictionary > _LARGE or (dictionary and size > max(_LARGE, _WELL_PACKED * packed)):
            return 1
    return most


def _rows(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows as Python values, each value by itself where one of them has no Python value."""
    try:
        yield from batch.to_pylist()
        return
    except (ValueError, OverflowError):  # an invalid string is a ValueError too
        pass
    for row in range(batch.num_rows):
        yield {name: _value(column[row]) for name, column in zip(batch.schema.names, batch.columns, strict=True)}


class _Unreadable(str):
    """In the place of a value: why it cannot be read."""


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return _Unreadable("is not UTF-8")
    except (ValueError, OverflowError) as error:
        return _Unreadable(f"cannot be read: {error}")


def _record(values: dict[str, Any], row: int, names: FieldNames, source: str, tell: Reporter) -> Record | None:
    """The row's record; None if it is bad, which has been told."""
    told = {*ID_NAMES, *TEXT_NAMES, _TITLE, names.id, names.title, names.text}
    read: dict[str, Any] = {}
    for field, value in values.items():
        if isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError:
                if field not in told:
                    tell.report.fields[field] += 1
                    continue
                value = _Unreadable("is not UTF-8: bytes, not text")
        if isinstance(value, _Unreadable):
            tell(InputError(str(value), source=source, line=row, field=field))
            return None
        if isinstance(value, str) and len(value) > LONGEST_RECORD:
            message = f"longer than {in_mebibytes(LONGEST_RECORD)}, which no document may be"
            tell(InputError(message, source=source, line=row, field=field))
            return None
        read[field] = value if isinstance(value, str) else json_value(value)
    return Record(row, read)

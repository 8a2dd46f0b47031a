"""Parquet files with the fields as columns, of which some megabytes are in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes
from lsr.core.parquet_layout import LARGE, RowGroup, check_pages, read_layout
from lsr.text.lines import OnBad, name_of
from lsr.text.readers import unique_columns
from lsr.text.records import ID_NAMES, TEXT_NAMES, FieldNames, Record, json_value
from lsr.text.reports import Reporter

_MOST_ROWS = 4096
_BATCH_BYTES = 1 << 24
_READ_BYTES = 1 << 20
_WELL_PACKED = 50
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
        layout = read_layout(source)
        # Unlike whole row groups, which may be gigabytes, pages are read as they are needed.
        with pq.ParquetFile(source, pre_buffer=False, buffer_size=_READ_BYTES) as file:
            unique_columns(file.schema_arrow.names, source)
            row = 0
            for number, group in enumerate(layout):
                try:
                    most = _batch_rows(group, check_pages(source, group))
                except ValueError as error:
                    raise InputError(str(error), source=name, line=row + 1) from None
                for batch in file.iter_batches(batch_size=most, row_groups=[number]):
                    for values in _rows(batch):
                        row += 1
                        record = _record(values, row, names, name, tell)
                        if record is not None:
                            yield record
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"not a readable Parquet file: {error}", source=name) from error


def count_rows(source: str | Path) -> int:
    """How many rows a Parquet file says it has. InputError if it is none."""
    try:
        return sum(group.rows for group in read_layout(source))
    except (ValueError, OSError) as error:
        raise InputError(f"not a readable Parquet file: {error}", source=name_of(source)) from error


def _batch_rows(group: RowGroup, size: int) -> int:
    """How many rows of a group that unpacks to so many bytes may be in memory together. ValueError if not even one."""
    row_bytes = max(size, group.size) // max(1, group.rows)
    if row_bytes > LONGEST_RECORD:
        raise ValueError(f"rows of more than {in_mebibytes(LONGEST_RECORD)}")
    for column in group.columns:
        # Rows that are places in a dictionary of long values are far larger in memory than in the file.
        dictionary = column.data - column.dictionary if column.dictionary > 0 else 0
        if dictionary > LARGE or (dictionary and column.size > max(LARGE, _WELL_PACKED * column.packed)):
            return 1
    return max(1, min(_MOST_ROWS, _BATCH_BYTES // max(row_bytes, 1)))


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

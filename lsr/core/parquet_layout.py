"""Where the columns and pages of a Parquet file are and what they claim to unpack to, before pyarrow reads them.

pyarrow's own objects for this end the process (an exception leaves a function that may let none out) where statistics
do not fit their column, and it allocates what a page claims to unpack to before it looks at the page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lsr.core.limits import DEEPEST
from lsr.core.thrift import BINARY, STRUCT, CompactReader, EndOfData

_MAGIC = b"PAR1"
# Of some 5,000 row groups of 20 columns; what pyarrow makes of it is some twenty times as large.
_MOST_FOOTER = 1 << 24
_PAGE_HEADER, _MOST_PAGE_HEADER = 1 << 10, 1 << 24
# Text shrinks to a third or a tenth; a file that unpacks to a thousand times its size was made to fill the memory.
_MOST_PACKED = 1000
# Values of lists are counted, not sized: a run of equal ones takes no bytes at all, but Python holds each.
_MOST_VALUES_PACKED = 50
LARGE = 1 << 22
"""Bytes, or values, below which nothing needs a bound: writers stop a dictionary at a quarter of it."""

_NUMBER_BYTES = {1: 4, 2: 8}  # of the types INT32 and INT64
# Old writers left the header of a dictionary out of a column's bytes.
_FORGOTTEN = 100


@dataclass(slots=True)
class Column:
    """The values of one column in one row group.

    Attributes:
        path: of its name and the levels within it, as "indices.list.element".
        values: how many it claims to have, those of lists counted singly.
        size: bytes that its pages claim to unpack to; packed: that they take in the file.
        data: offset of the first page of values; dictionary: that of its dictionary, or 0.
        largest: the largest value by its statistics, if it has numbers.
    """

    path: str = ""
    values: int = 0
    size: int = 0
    packed: int = 0
    data: int = 0
    dictionary: int = 0
    largest: int | None = None

    @property
    def start(self) -> int:
        """The offset of the first page."""
        return min(self.data, self.dictionary) if self.dictionary > 0 else self.data

    @property
    def nested(self) -> bool:
        """Whether the column may have more values than rows."""
        return "." in self.path


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The rows of a file that are written together: how many, the bytes they unpack to, and their columns."""

    rows: int
    size: int
    columns: list[Column]


def read_layout(path: str | Path) -> list[RowGroup]:
    """The row groups of a file. ValueError if it is not Parquet, or what it says cannot be true; OSError."""
    with Path(path).open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        file.seek(max(0, end - 8))
        tail = file.read(8)
        size = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or size > end - 12:
            raise ValueError("it does not end as a Parquet file does")
        if size > _MOST_FOOTER:
            raise ValueError(f"what it says of itself takes {size >> 20} MiB, more than {_MOST_FOOTER >> 20}")
        file.seek(end - 8 - size)
        groups = _groups(CompactReader(file.read(size)))
    for group in groups:
        if group.rows < 0 or group.size < 0:
            raise ValueError("a row group of a negative size")
        for column in group.columns:
            if min(column.values, column.size, column.packed, column.start) < 0 or column.start + column.packed > end:
                raise ValueError(f"column {column.path} lies outside of the file")
    return groups


def check_layout(path: str | Path) -> list[RowGroup]:
    """As `read_layout`, with all pages checked: of a file whose values are about to be read."""
    groups = read_layout(path)
    for group in groups:
        check_pages(path, group)
    return groups


def check_pages(path: str | Path, group: RowGroup) -> int:
    """Bytes that the pages of a row group unpack to. ValueError if that is out of all proportion; OSError."""
    total = 0
    with Path(path).open("rb") as file:
        for column in group.columns:
            _compare("column", column, column.size, column.packed)
            values = 0
            for page in _pages(file, column):
                _compare("a page of column", column, page.size, page.packed)
                values += page.values
                total += page.size
            # One row may hold all but one of each other row.
            if column.nested and values - group.rows > max(LARGE, _MOST_VALUES_PACKED * column.packed):
                raise ValueError(f"column {column.path} unpacks to {values:,} values from {column.packed:,} bytes")
    return total


def _compare(what: str, column: Column, size: int, packed: int) -> None:
    if size > LARGE and size > _MOST_PACKED * packed:
        raise ValueError(f"{what} {column.path} unpacks to {size // max(1, packed):,} times its size")


@dataclass(slots=True)
class _Page:
    """Values, bytes that they unpack to, and bytes in the file."""

    values: int = 0
    size: int = 0
    packed: int = 0


def _pages(file: BinaryIO, column: Column) -> Iterator[_Page]:
    at, end, seen = column.start, column.start + column.packed, 0
    while at < end and seen < column.values:
        head, page = _page_header(file, at)
        at += head + page.packed
        if min(page.size, page.packed, page.values) < 0 or at > end + _FORGOTTEN:
            raise ValueError(f"a page of column {column.path} lies outside of the column")
        seen += page.values
        yield page


def _page_header(file: BinaryIO, at: int) -> tuple[int, _Page]:
    """The bytes of a page's header, and what it says."""
    size = _PAGE_HEADER
    while True:
        file.seek(at)
        reader = CompactReader(data := file.read(size))
        try:
            page = _page(reader)
            return reader.position, page
        except EndOfData:
            if len(data) < size or size >= _MOST_PAGE_HEADER:
                raise
            size *= 8


def _page(reader: CompactReader) -> _Page:
    page = _Page()
    for field, of in reader.fields():
        match field:
            case 2:
                page.size = reader.integer(of)
            case 3:
                page.packed = reader.integer(of)
            case 5 | 8 if of == STRUCT:  # of pages of values; a dictionary's are not rows
                for inner, of_inner in reader.fields():
                    if inner == 1:
                        page.values = reader.integer(of_inner)
                    else:
                        reader.skip(of_inner)
            case _:
                reader.skip(of)
    return page


def _groups(reader: CompactReader) -> list[RowGroup]:
    groups = []
    for field, of in reader.fields():
        match field:
            case 2:
                _check_depth([_children(reader) for _ in reader.items(of, STRUCT)])
            case 4:
                groups = [_group(reader) for _ in reader.items(of, STRUCT)]
            case _:
                reader.skip(of)
    return groups


def _children(reader: CompactReader) -> int:
    """How many of the elements of a schema that follow are within this one."""
    children = 0
    for field, of in reader.fields():
        if field == 5:
            children = reader.integer(of)
        else:
            reader.skip(of)
    return children


def _check_depth(children: list[int]) -> None:
    """Check a schema, each element of which is followed by those within it: pyarrow calls itself for each level."""
    open_elements: list[int] = []
    for count in children:
        while open_elements and not open_elements[-1]:
            open_elements.pop()
        if open_elements:
            open_elements[-1] -= 1
        open_elements.append(max(0, count))
        if len(open_elements) > DEEPEST:
            raise ValueError(f"columns more than {DEEPEST} levels deep")


def _group(reader: CompactReader) -> RowGroup:
    rows = size = 0
    columns: list[Column] = []
    for field, of in reader.fields():
        match field:
            case 1:
                columns = [_chunk(reader) for _ in reader.items(of, STRUCT)]
            case 2:
                size = reader.integer(of)
            case 3:
                rows = reader.integer(of)
            case _:
                reader.skip(of)
    return RowGroup(rows, size, columns)


def _chunk(reader: CompactReader) -> Column:
    column = Column()
    for field, of in reader.fields():
        if field == 3 and of == STRUCT:
            column = _column(reader)
        else:
            reader.skip(of)
    return column


def _column(reader: CompactReader) -> Column:
    column, type, largest = Column(), -1, b""
    for field, of in reader.fields():
        match field:
            case 1:
                type = reader.integer(of)
            case 3:
                column.path = ".".join(reader.binary().decode(errors="replace") for _ in reader.items(of, BINARY))
            case 5:
                column.values = reader.integer(of)
            case 6:
                column.size = reader.integer(of)
            case 7:
                column.packed = reader.integer(of)
            case 9:
                column.data = reader.integer(of)
            case 11:
                column.dictionary = reader.integer(of)
            case 12 if of == STRUCT:
                largest = _largest(reader)
            case _:
                reader.skip(of)
    if len(largest) == _NUMBER_BYTES.get(type):
        column.largest = int.from_bytes(largest, "little", signed=True)
    return column


def _largest(reader: CompactReader) -> bytes:
    """The largest value of a column's statistics as it is stored; empty if there is none."""
    found = b""
    for field, of in reader.fields():
        if field in (1, 5):  # the second is what newer writers use
            found = reader.binary(of)
        else:
            reader.skip(of)
    return found

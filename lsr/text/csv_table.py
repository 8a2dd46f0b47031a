"""CSV with a header, quoted as spreadsheets and databases write it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from lsr.core.errors import InputError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes
from lsr.text.lines import OnBad, name_of, read_lines
from lsr.text.readers import unique_columns
from lsr.text.records import FieldNames, Record

_DELIMITERS = ",;\t"


def read_csv(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """Rows by the names of a header, which must be there; quoted values may hold line breaks.

    Commas, semicolons or tabs separate: whichever of them the header has most of. The line of a row is the one on
    which it ends.
    """
    # The limit is the process's, and so only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_RECORD))
    lines = _Lines(source, on_bad)
    first = next(lines, None)
    if first is None:
        return
    delimiter = max(_DELIMITERS, key=first.count)
    header: list[str] = []
    rows = csv.reader(_prepended(first, lines), delimiter=delimiter, strict=True)
    while True:
        lines.held = 0
        try:
            cells = next(rows, None)
        except csv.Error as error:
            # What follows can no longer be told apart: a quote that is not closed takes in all rows after it.
            raise InputError(f"malformed CSV: {error}", source=name_of(source), line=lines.number) from None
        if cells is None:
            return
        if not header:
            header = list(unique_columns([cell.strip() for cell in cells], source, lines.number))
        elif len(cells) == len(header):
            yield Record(lines.number, dict(zip(header, cells, strict=True)))
        elif cells:
            message = f"expected {len(header)} columns ({', '.join(header)}), found {len(cells)}"
            on_bad(InputError(message, source=name_of(source), line=lines.number))


class _Lines:
    """Lines with their ends, for the csv module; `number` is that of the last, `held` what the row has by now."""

    def __init__(self, source: str | Path, on_bad: OnBad) -> None:
        self._source = source
        self._lines = read_lines(source, on_bad, blank=True)
        self.number = 0
        self.held = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        self.number, text = next(self._lines)
        self.held += len(text)
        if self.held > LONGEST_RECORD:
            message = f"a row longer than {in_mebibytes(LONGEST_RECORD)}: is a quote not closed?"
            raise InputError(message, source=name_of(self._source), line=self.number)
        return text + "\n"


def _prepended(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines

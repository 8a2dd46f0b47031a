"""Excel workbooks, by openpyxl: a line for each row that holds something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.text.files.archive import check_archive
from lsr.text.files.extra import load
from lsr.text.files.office import properties
from lsr.text.files.page import Page, joined


def read(path: Path) -> Page:
    """The values of all sheets, each under its name; of formulas, what they gave when the file was saved."""
    openpyxl = load("openpyxl", path)
    check_archive(path)
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        title, fields = properties(book.properties)
        return Page(joined(_rows(book)), title, {"sheets": len(book.worksheets), **fields})
    finally:
        book.close()


def _rows(book: Any) -> Iterator[str]:
    for sheet in book.worksheets:
        yield sheet.title
        for row in sheet.iter_rows(values_only=True):
            yield "\t".join(str(value) for value in row if value is not None)

"""Word documents, by python-docx: paragraphs and tables in their order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.text.files.archive import check_archive
from lsr.text.files.extra import load
from lsr.text.files.office import properties
from lsr.text.files.page import Page, joined


def read(path: Path) -> Page:
    """The title is the file's own, or else its first paragraph in the style of a title or heading."""
    docx = load("docx", path)
    check_archive(path)
    document = docx.Document(str(path))
    title, fields = properties(document.core_properties)
    headed = (
        paragraph.text
        for paragraph in document.paragraphs
        if paragraph.style is not None and str(paragraph.style.name).startswith(("Title", "Heading"))
    )
    return Page(joined(_blocks(document)), title or next(headed, ""), fields)


def _blocks(container: Any) -> Iterator[str]:
    for block in container.iter_inner_content():
        if hasattr(block, "rows"):
            for row in block.rows:
                yield "\t".join(cell.text for cell in row.cells)
        else:
            yield block.text

"""PowerPoint presentations, by python-pptx: slides and the speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.text.files.archive import check_archive
from lsr.text.files.extra import load
from lsr.text.files.office import properties
from lsr.text.files.page import Page, joined


def read(path: Path) -> Page:
    """The title is the file's own, or else that of the first slide which has one."""
    pptx = load("pptx", path)
    check_archive(path)
    deck = pptx.Presentation(str(path))
    title, fields = properties(deck.core_properties)
    titled = (slide.shapes.title.text_frame.text for slide in deck.slides if slide.shapes.title is not None)
    named = title if title and title != "PowerPoint Presentation" else next(filter(None, titled), "")
    return Page(joined(_texts(deck)), named, {"slides": len(deck.slides), **fields})


def _texts(deck: Any) -> Iterator[str]:
    for slide in deck.slides:
        waiting = list(slide.shapes)[::-1]
        while waiting:
            shape = waiting.pop()
            if hasattr(shape, "shapes"):
                waiting.extend(list(shape.shapes)[::-1])
            elif shape.has_text_frame:
                yield shape.text_frame.text
            elif getattr(shape, "has_table", False):
                for row in shape.table.rows:
                    yield "\t".join(cell.text for cell in row.cells)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            yield slide.notes_slide.notes_text_frame.text

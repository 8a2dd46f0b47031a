"""What a reader makes of a file that is one document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lsr.core.limits import LONGEST_RECORD, in_mebibytes


@dataclass(slots=True)
class Page:
    """A file's text.

    Attributes:
        text: all of it, as paragraphs.
        title: "" where the file names none; the file's own name then stands in for it.
        fields: what else the file says of itself (JSON values).
        encoding: the encoding that had to be guessed; None for UTF-8, and for files that are not text.
        left_out: what of the file could not be read, and why; None if all could.
    """

    text: str
    title: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    encoding: str | None = None
    left_out: str | None = None


def joined(parts: Iterable[str], separator: str = "\n") -> str:
    """The parts that are not blank as one text. ValueError once they are longer than a document may be."""
    found, size = [], 0
    for part in parts:
        part = part.strip()
        size += len(part)
        if size > LONGEST_RECORD:
            raise ValueError(f"holds more than {in_mebibytes(LONGEST_RECORD)} of text")
        if part:
            found.append(part)
    return separator.join(found)

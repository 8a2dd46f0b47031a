"""The bytes of a file that is one document, and its text."""

from __future__ import annotations

from pathlib import Path

from lsr.core.limits import LONGEST_RECORD, in_mebibytes
from lsr.text.encodings import decode
from lsr.text.lines import open_bytes


def read_raw(path: Path) -> bytes:
    """All bytes, decompressed. ValueError if they are more than a document may have; InputError if unreadable."""
    with open_bytes(path) as file:
        raw = file.read(LONGEST_RECORD + 1)
    if len(raw) > LONGEST_RECORD:
        raise ValueError(f"longer than {in_mebibytes(LONGEST_RECORD)}, which no document may be")
    return raw


def read_text(path: Path) -> tuple[str, str | None]:
    """The text, with line feeds alone for line ends, and the encoding if it had to be guessed. Raises as `decode`."""
    text, guessed = decode(read_raw(path))
    return text.replace("\r\n", "\n").lstrip("\ufeff"), guessed

"""Files of rules about words, one a line."""

from __future__ import annotations

from pathlib import Path

from lsr.core.errors import InputError


def read_lines(path: str | Path, most: int, what: str) -> list[str]:
    """The lines of a text file; InputError if it is not UTF-8, or has more than `most` lines, each one of `what`.

    The OSError of a file that cannot be read stays what it is.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 ({error.reason})", source=str(path)) from None
    if len(lines) > most:
        raise InputError(f"holds {len(lines):,} lines: {most:,} {what} at most", source=str(path))
    return lines

"""Files of rules about words, one a line."""

from __future__ import annotations

from pathlib import Path

from lsr.core.errors import InputError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes


def read_lines(path: str | Path, most: int, what: str) -> list[str]:
    """The lines of a text file; InputError if it is not UTF-8, has more than `most` lines, each one of `what`, or more
    bytes than such lines ever have.

    The OSError of a file that cannot be read stays what it is.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(LONGEST_RECORD + 1)
        if len(raw) > LONGEST_RECORD:
            raise InputError(f"holds more than {in_mebibytes(LONGEST_RECORD)}", source=str(path))
        lines = raw.decode().splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 ({error.reason})", source=str(path)) from None
    if len(lines) > most:
        raise InputError(f"holds {len(lines):,} lines: {most:,} {what} at most", source=str(path))
    return lines

"""Lines of the small text files of evaluation: qrels and runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from lsr.errors import InputError
from lsr.text.lines import read_lines


def data_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line number from 1 and line, without surrounding white space, of a UTF-8 file, plain, .gz or .zst.

    Blank lines and trec_eval's comments ("# …") are left out. Raises InputError naming file and line.
    """
    for number, raw in read_lines(path, _stop):
        line = raw.strip()
        if line != "#" and not line.startswith("# "):
            yield number, line


def _stop(error: InputError) -> NoReturn:
    raise error

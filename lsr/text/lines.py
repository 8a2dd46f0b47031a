"""Lines of a text file, plain or compressed, decoded one at a time."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from lsr.core.errors import InputError

STDIN = "-"
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}

OnBad = Callable[[InputError], None]
"""What to do with a bad line: raise the error, or record it and return."""

_BUFFER = 1 << 20
_BOM = b"\xef\xbb\xbf"


def content_suffix(path: Path) -> str:
    """The suffix in lower case, without .gz and .zst: ".jsonl" for "a.jsonl.gz"."""
    if path.suffix.lower() in COMPRESSIONS:
        path = path.with_suffix("")
    return path.suffix.lower()


@contextmanager
def open_bytes(source: str | Path) -> Iterator[IO[bytes]]:
    """The decompressed bytes of a file, or of stdin for "-". InputError if it cannot be read or is truncated."""
    if str(source) == STDIN:
        yield sys.stdin.buffer
        return
    path = Path(source)
    compression = COMPRESSIONS.get(path.suffix.lower())
    try:
        if compression is None:
            with path.open("rb") as file:
                yield file
        else:
            import pyarrow as pa

            # pyarrow's stream, unlike zstandard's, notices when a file is truncated.
            with io.BufferedReader(pa.input_stream(str(path), compression=compression), _BUFFER) as file:
                yield file
    except OSError as error:
        hint = f" ({compression}: damaged or truncated; fetch the file again)" if compression else ""
        raise InputError(f"cannot be read: {error.strerror or error}{hint}", source=name_of(source)) from error


def read_lines(source: str | Path, on_bad: OnBad) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and text of each line that isn't blank, without its line ending.

    A byte order mark is dropped. A line that is not UTF-8 goes to `on_bad`.
    """
    offset = 0
    with open_bytes(source) as file:
        for number, raw in enumerate(file, start=1):
            line = raw.removeprefix(_BOM) if number == 1 else raw
            start, offset = offset + len(raw) - len(line), offset + len(raw)
            if not line.strip():
                continue
            try:
                text = line.removesuffix(b"\n").removesuffix(b"\r").decode()
            except UnicodeDecodeError as error:
                on_bad(not_utf8(error, source, line=number, offset=start))
                continue
            yield number, text


def data_lines(source: str | Path) -> Iterator[tuple[int, str]]:
    """Line number and stripped line of the small text files of evaluation: qrels and runs.

    Blank lines and trec_eval's comments ("# …") are left out. Raises InputError naming file and line.
    """
    for number, raw in read_lines(source, stop):
        line = raw.strip()
        if line != "#" and not line.startswith("# "):
            yield number, line


def stop(error: InputError) -> NoReturn:
    """An `on_bad` that stops reading at the first bad line."""
    raise error


def not_utf8(error: UnicodeDecodeError, source: str | Path, *, line: int, offset: int) -> InputError:
    """The error for bytes that are not UTF-8; `offset` is where the bytes that were decoded start in the source."""
    at = offset + error.start
    byte = error.object[error.start]
    return InputError(
        f"not UTF-8: byte 0x{byte:02x} at offset {at:,}; convert the file first, e.g. with iconv -f latin1 -t utf-8",
        source=name_of(source),
        line=line,
    )


def name_of(source: str | Path) -> str:
    """The source's name in messages."""
    return "<stdin>" if str(source) == STDIN else str(source)

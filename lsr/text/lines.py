"""Lines of a text file, plain or compressed, decoded one at a time."""

from __future__ import annotations

import io
import lzma
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from lsr.core.errors import InputError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes
from lsr.text.compression import COMPRESSIONS, open_compressed
from lsr.text.encodings import Joined, byte_order, kind_of

STDIN = "-"

OnBad = Callable[[InputError], None]
"""What to do with a bad line: raise the error, or record it and return."""

_BUFFER = 1 << 20
_PEEKED = 4096


def content_suffix(path: Path) -> str:
    """The suffix in lower case, without that of a compression: ".jsonl" for "a.jsonl.gz"."""
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
        with path.open("rb") if compression is None else open_compressed(path, compression) as file:
            yield file
    except (OSError, EOFError, lzma.LZMAError) as error:
        hint = f" ({compression}: damaged or truncated; fetch the file again)" if compression else ""
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be read: {reason}{hint}", source=name_of(source)) from error


def read_lines(
    source: str | Path, on_bad: OnBad, *, blank: bool = False, ends: bool = False
) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and text of each line that isn't blank, or with `blank` of each.

    Line endings are dropped, unless `ends`.

    UTF-8, or what a byte order mark says, which is dropped. A line that is not UTF-8, or longer than `LONGEST_RECORD`,
    goes to `on_bad`; no more of it than that is ever held.
    """
    with open_bytes(source) as file:
        head = file.read(4)
        encoding, offset = byte_order(head)
        lines = io.BufferedReader(Joined(head[offset:], file, encoding, name_of(source)), _BUFFER)
        number = 0
        while raw := lines.readline(LONGEST_RECORD + 1):
            number += 1
            start, offset = offset, offset + len(raw)
            if len(raw) > LONGEST_RECORD:
                while not raw.endswith(b"\n") and (raw := lines.readline(_BUFFER)):
                    offset += len(raw)
                on_bad(_too_long(source, number))
                continue
            if not blank and not raw.strip():
                continue
            try:
                text = (raw if ends else raw.removesuffix(b"\n").removesuffix(b"\r")).decode()
            except UnicodeDecodeError as error:
                on_bad(not_utf8(error, source, line=number, offset=start))
                continue
            yield number, text


def peek_stdin() -> str:
    """The beginning of what stands on stdin, which is then read all the same; "" where that cannot be looked at."""
    peek = getattr(sys.stdin.buffer, "peek", None)
    head: bytes = peek(_PEEKED) if peek is not None else b""
    encoding, mark = byte_order(head[:4])
    return head[mark:].decode(encoding, errors="replace")


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
    what = kind_of(error.object) if line == 1 else None
    at = offset + error.start
    byte = error.object[error.start]
    advice = (
        f"this is {what}"
        if what
        else "convert the file first: iconv -f ENCODING -t UTF-8, with the encoding that it was written in"
    )
    return InputError(
        f"not UTF-8: byte 0x{byte:02x} at offset {at:,}; {advice}",
        source=name_of(source),
        line=line,
    )


def name_of(source: str | Path) -> str:
    """The source's name in messages."""
    return "<stdin>" if str(source) == STDIN else str(source)


def _too_long(source: str | Path, line: int) -> InputError:
    message = f"longer than {in_mebibytes(LONGEST_RECORD)}, which no document may be"
    return InputError(message, source=name_of(source), line=line)

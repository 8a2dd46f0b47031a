"""Outputs of a command that was killed after it had put them in place.

Given again, the command finds its output there and would refuse it. So a command announces what it is to make, marks it
when it is about to be published, and takes the mark away as the last thing that it does: an output with the mark of the
very same command counts as one that is not there yet. Where no command was begun (Python calls functions), nothing is
marked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from lsr.core.places import beside, named
from lsr.core.regular import read_regular

MARK = "command"

_command: str | None = None
_announced: set[Path] = set()
_marks: set[Path] = set()

Identity = list[int]


def begin_command(arguments: list[str]) -> None:
    """Take outputs that are announced, from now on, for those of the command with these arguments in this folder."""
    global _command
    words = json.dumps([os.getcwd(), *arguments])  # noqa: PTH109
    _command = sha256(words.encode(errors="surrogatepass")).hexdigest()
    _announced.clear()
    _marks.clear()


def announce(path: str | Path) -> None:
    """Say that the command is to make what will lie at `path`."""
    if _command is not None:
        _announced.add(_key(path))


def end_command(*, well: bool) -> None:
    """Take away the marks of this command if it ended well, and so said what became of its outputs."""
    global _command
    _command = None
    for mark in _marks if well else ():
        with suppress(OSError):
            mark.unlink(missing_ok=True)
    _announced.clear()
    _marks.clear()


def mark_output(path: str | Path, identity: Identity) -> None:
    """Call right before an output is renamed to `path`: `identity` is what it will be known by."""
    if _key(path) not in _announced:
        return
    mark = _mark_of(path)
    # Not renamed into place: half a mark is none.
    with suppress(OSError):  # it is a help after a kill, and not worth an error
        # Whatever stands there, as a link of a stranger's index, is not written through.
        mark.unlink(missing_ok=True)
        with mark.open("x", encoding="utf-8") as file:
            json.dump({"command": _command, "output": identity}, file)
        _marks.add(mark)


def is_unfinished(path: str | Path, identity: Callable[[Path], Identity]) -> bool:
    """Whether what lies at `path` was published by this same command, which was killed before its end."""
    if _key(path) not in _announced:
        return False
    mark = _mark_of(path)
    try:
        marked = json.loads(read_regular(mark))
        found = marked == {"command": _command, "output": identity(Path(path))}
    except (OSError, ValueError, RecursionError):
        return False
    if found:
        _marks.add(mark)
    return found


def file_identity(path: Path) -> Identity:
    """What a file or folder keeps when it is renamed, and another in its place would not have."""
    status = path.stat()
    return [status.st_ino, status.st_size if path.is_file() else 0, status.st_mtime_ns]


def _key(path: str | Path) -> Path:
    return named(path).absolute()


def _mark_of(path: str | Path) -> Path:
    path = named(path)
    mark = beside(path, MARK)
    return mark if mark.parent == path else mark.with_name(f".{mark.name}")

"""What is said of an error that no line of lsr expected: what it is, where, and how to learn more."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from lsr.cli.console import errors, escape
from lsr.core.obstacles import in_the_way, kind, shown, too_long


def failed(message: str) -> int:
    """Print an error; give the exit code."""
    errors.print(f"[bold red]error:[/] {escape(message)}")
    return 2


def reason(error: Exception) -> str:
    """The error in words, with what was noted about it."""
    said = _of_system(error) if isinstance(error, OSError) and error.strerror else _unexpected(error)
    return with_notes(said, error)


def with_notes(said: str, error: Exception) -> str:
    """These words about an error, with what was noted about it."""
    return "; ".join([said, *getattr(error, "__notes__", ())])


def _of_system(error: OSError) -> str:
    """A full disk, a folder that may not be written, a lost network: which file, and what."""
    said = str(error.strerror)
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return said
    path = Path(os.fsdecode(error.filename))
    if isinstance(error, FileExistsError | NotADirectoryError) and (found := in_the_way(path / "in it")) is not None:
        path, said = found, f"is {kind(found)}, where a folder is needed: choose another path"
    elif error.errno == errno.ENAMETOOLONG:
        said = too_long(path) or said
    elif error.errno == errno.EIO:
        said = f"{said}: the disk, or what it is reached by, failed, and nothing says that the file is damaged"
    return f"{shown(path)}: {said}"


def _unexpected(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    if isinstance(error, OSError):
        return str(error) or type(error).__name__
    said = " ".join(str(error).split()) or "no reason given"
    return f"unexpected {type(error).__name__}: {said}; --debug shows where it arose"

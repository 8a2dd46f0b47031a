"""What stands in the way of an output: met before the work that it is for, and named."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_LONGEST_PATH, _LONGEST_NAME = 4096, 255  # where the system does not tell
_ROOM = len(".encoding.lock.") + len(".tmp")
"""Bytes that the names of files beside an output need."""
_SHOWN = 60


def kind(path: str | Path) -> str:
    """What is there, in words: "a file", "a folder", "a device", "a link to x, which is not there"."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError:
        return f"a link to {path.readlink()}, which is not there" if path.is_symlink() else "not there"
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISREG(mode):
        return "a file"
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"


def is_special(path: str | Path) -> bool:
    """Whether a device, pipe or socket is there, or a link to one: to be written to, perhaps, and never replaced."""
    return kind(path) in ("a device", "a pipe", "a socket")


def in_the_way(path: str | Path) -> Path | None:
    """The part of a path that is there and is no folder, though something is to lie in it; or None."""
    return next((each for each in [*Path(path).parents][::-1] if os.path.lexists(each) and not each.is_dir()), None)


def check_way(path: str | Path) -> None:
    """Raise the OSError that making something at `path` would end in: as NotADirectoryError, with the part that is one.

    What is there already is not looked at, nor is the folder that it lies in.
    """
    path = Path(path)
    if (found := in_the_way(path)) is not None:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(found))
    if too_long(path) is not None:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
    if not os.path.lexists(path):
        above = next((each for each in path.parents if each.is_dir()), path)
        if not os.access(above, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(above))


def too_long(path: str | Path) -> str | None:
    """Why a path is too long for what is to be made there and beside it, or None."""
    path = Path(path)
    whole = len(os.fsencode(path.absolute()))
    if whole + _ROOM >= _LONGEST_PATH:
        return f"this path has {whole:,} bytes, and {_LONGEST_PATH - _ROOM - 1:,} are the most"
    for part in path.parts:
        room = _ROOM if part == path.name else 0
        if (size := len(os.fsencode(part))) + room > _LONGEST_NAME:
            return f"the name {shown(part)} has {size:,} bytes, and {_LONGEST_NAME - room} are the most"
    return None


def shown(path: str | Path) -> str:
    """A path as messages show it: of a very long one, how it begins and ends."""
    text = str(path)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_SHOWN]}…{text[-_SHOWN // 3 :]}"


def not_made(path: str | Path) -> OSError:
    """The error for what cannot be created in a folder that is there, as in /proc, where the system only says that it
    is not there.
    """
    return OSError(errno.ENOENT, f"nothing can be created in {Path(path).parent}", str(path))


def make_folder(path: str | Path) -> None:
    """Make a folder, and those above it; nothing if it is there. OSError that names what is in the way."""
    path = Path(path)
    if (found := in_the_way(path / "x")) is not None:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(found))
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise not_made(error.filename) from None

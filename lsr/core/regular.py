"""Reading regular files alone: what a stranger put in their place is neither waited for nor followed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_regular(path: str | Path, *, follow: bool = False) -> int:
    """A descriptor to read a regular file by; it never waits, as opening a pipe would.

    OSError, with the path, for what is not a regular file: EINVAL, or ELOOP for a symbolic link unless it is to be
    followed.
    """
    links = 0 if follow else os.O_NOFOLLOW
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | links)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def read_regular(path: str | Path) -> bytes:
    """The bytes of a small regular file. OSError as `open_regular`."""
    with open(open_regular(path), "rb") as file:
        return file.read()

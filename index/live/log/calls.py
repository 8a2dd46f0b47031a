"""The calls by which the log changes files, in one place, so that a test can let any of them fail."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from lsr.core.files import naming


class FileCalls:
    """The system calls of a `LogWriter`. Each raises the OSError of the system; none tries again by itself."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor of a regular file; links are not followed."""
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """Write some of the bytes at an offset; how many, which may be fewer than were given."""
        return os.pwrite(descriptor, data, offset)

    def sync(self, descriptor: int) -> None:
        """Wait until a file's bytes and its length are on the disk."""
        os.fsync(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        """Cut a file off."""
        os.ftruncate(descriptor, length)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, in one step."""
        source.rename(target)

    def remove(self, path: Path) -> None:
        """Remove a file; nothing if it is not there."""
        path.unlink(missing_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with naming(path):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_all(calls: FileCalls, descriptor: int, data: bytes, offset: int) -> None:
    """Write every byte at an offset, in as many calls as the system makes of it."""
    view = memoryview(data)
    while view:
        written = calls.write(descriptor, view, offset)
        if written < 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        view, offset = view[written:], offset + written

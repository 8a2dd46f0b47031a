"""System calls that fail on request, and what a log holds."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np

from lsr.index.live.log.calls import FileCalls
from lsr.index.live.log.reader import LogReader
from lsr.index.live.log.writer import LogWriter

IDENTITY = bytes(range(16))


class FaultyCalls(FileCalls):
    """Lets call number `at` (from 0), and with `forever` all after it, fail with an error number.

    With `part`, a failing write first writes so much of what it was given, as a share; without an error number it
    says so instead of failing, as the system may.
    """

    def __init__(
        self, at: int = -1, number: int | None = errno.EIO, *, part: float = 0.0, forever: bool = False
    ) -> None:
        self.at, self.number, self.part, self.forever = at, number, part, forever
        self.made: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether the call was made."""
        return 0 <= self.at < len(self.made)

    def _fails(self, name: str) -> bool:
        self.made.append(name)
        now = len(self.made) - 1
        return self.at >= 0 and (now >= self.at if self.forever else now == self.at)

    def _maybe_fail(self, name: str) -> None:
        if self._fails(name) and self.number is not None:
            raise OSError(self.number, os.strerror(self.number))

    def open(self, path: Path, flags: int) -> int:
        self._maybe_fail("open")
        return super().open(path, flags)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        if not self._fails("write"):
            return super().write(descriptor, data, offset)
        written = super().write(descriptor, data[: int(len(data) * self.part)], offset) if self.part else 0
        if self.number is None and written:
            return written
        raise OSError(self.number or errno.EIO, os.strerror(self.number or errno.EIO))

    def sync(self, descriptor: int) -> None:
        """Without waiting for a disk: see `Disk` for what would be on it."""
        self._maybe_fail("sync")

    def truncate(self, descriptor: int, length: int) -> None:
        self._maybe_fail("truncate")
        super().truncate(descriptor, length)

    def rename(self, source: Path, target: Path) -> None:
        self._maybe_fail("rename")
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._maybe_fail("remove")
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        self._maybe_fail("sync_folder")


class _File:
    """A file as the system's memory and the disk have it: `ops` are changes that the disk does not have yet."""

    def __init__(self) -> None:
        self.disk = bytearray()
        self.ops: list[tuple[int, bytes | None]] = []  # (offset, what was written there), (length, None) of a cut


class Disk(FaultyCalls):
    """Keeps account of what would be on the disk if the power went.

    What was written is there when `sync` has returned, and names when `sync_folder` has. After a `sync` that failed,
    what was not on the disk stays in the system's memory alone, and the next one says that all is well.
    """

    def __init__(self, at: int = -1, number: int | None = errno.EIO, **options: Any) -> None:
        super().__init__(at, number, **options)
        self._files: dict[int, _File] = {}
        self._names: dict[str, _File] = {}
        self._named: dict[str, _File] = {}

    def again(self) -> None:
        """Another process goes on, and none of its calls fails."""
        self.at = -1

    def open(self, path: Path, flags: int) -> int:
        descriptor = super().open(path, flags)
        self._files[descriptor] = self._names.setdefault(path.name, _File())
        return descriptor

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        held = bytes(data)
        try:
            written = super().write(descriptor, data, offset)
        except OSError:
            written = int(len(held) * self.part)
            self._files[descriptor].ops.append((offset, held[:written]))
            raise
        self._files[descriptor].ops.append((offset, held[:written]))
        return written

    def truncate(self, descriptor: int, length: int) -> None:
        super().truncate(descriptor, length)
        self._files[descriptor].ops.append((length, None))

    def sync(self, descriptor: int) -> None:
        file = self._files[descriptor]
        try:
            super().sync(descriptor)
        except OSError:
            file.ops.clear()
            raise
        for op in file.ops:
            _do(file.disk, *op)
        file.ops.clear()

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self._names[target.name] = self._names.pop(source.name)

    def remove(self, path: Path) -> None:
        super().remove(path)
        self._names.pop(path.name, None)

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self._named = dict(self._names)

    def lose_power(self, folder: Path, random: np.random.Generator) -> None:
        """What the disk may hold when the power goes, as files in an empty folder.

        Of what it was not told to keep, any pieces of eight bytes may be there.
        """
        names = self._named if random.integers(2) else self._names
        for name, file in names.items():
            made = bytearray(file.disk)
            for offset, data in file.ops:
                if data is None:
                    if random.integers(2):
                        _do(made, offset, None)
                    continue
                for start in range(0, len(data), 8):
                    if random.integers(2):
                        _do(made, offset + start, data[start : start + 8])
            (folder / name).write_bytes(made)


def _do(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
    else:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data


def read(folder: Path, *, first: int = 1, after: int = 0) -> tuple[list[tuple[int, bytes]], LogReader]:
    """The records of a log, and what read them."""
    reader = LogReader(folder, IDENTITY, first=first, after=after)
    return [(record.sequence, record.payload) for record in reader], reader


def reopen(folder: Path, calls: FileCalls | None = None) -> tuple[list[tuple[int, bytes]], LogWriter]:
    """The records of a log, and a writer that goes on."""
    found, reader = read(folder)
    assert reader.place is not None
    return found, LogWriter.resume(folder, IDENTITY, reader.place, calls=calls or FaultyCalls())

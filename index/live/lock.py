"""One writer a folder: a lock that says who holds it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lsr.core.errors import LogStoppedError, LsrError, OutputExistsError
from lsr.core.options import shortened
from lsr.index.format.output import WRITER_LOCK, lock_folder

WRITE, REINDEX = "write", "reindex"
DOING = {WRITE: "writes to", REINDEX: "reindexes"}
"""What a holder does with the lock, and the words for it."""
# Of what the holder writes into the file.
_MOST = 1 << 12
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class WriterLock:
    """The right to write to a collection, until it is released or the process ends, however it does.

    The file stays: a lock belongs to a file and not to its name, so that one that was removed could be held twice. What
    it says is for messages; the lock is the system's. A process that this one forks does not hold it.
    """

    def __init__(self, folder: Path) -> None:
        """OutputExistsError names the process that writes there, and its host."""
        self._descriptor = _locked(folder / WRITER_LOCK)
        try:
            # Whoever builds an index there, or changes its manifest, asks for this one alone.
            self._folder = lock_folder(folder)
        except BaseException:
            os.close(self._descriptor)
            raise
        _held.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def announce(self, doing: str) -> None:
        """Say to others who want to write what is done: one of `DOING`."""
        _say(self._descriptor, doing)

    @property
    def held(self) -> bool:
        """Whether it was not released."""
        return self._descriptor >= 0

    def release(self) -> None:
        """Let others write; nothing if that was done."""
        if self.held:
            # Unlocked, and not closed alone: a process that is being forked may have the file open still.
            for descriptor in (self._folder, self._descriptor):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        self._forget()

    def _forget(self) -> None:
        """Close the file, and leave the lock to the process that forked this one."""
        descriptors = self._folder, self._descriptor
        self._folder = self._descriptor = -1
        _held.discard(self)
        for descriptor in descriptors:
            if descriptor >= 0:
                os.close(descriptor)


_held: weakref.WeakSet[WriterLock] = weakref.WeakSet()


def _after_fork() -> None:
    """The lock is the parent's, and would outlive it in a child that kept the file open."""
    for lock in list(_held):
        lock._forget()


os.register_at_fork(after_in_child=_after_fork)


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder, doing = _holder(descriptor)
            raise OutputExistsError(
                f"{path.parent}: {holder} {DOING[doing]} this collection, and one can at a time",
                remedies=["wait for it to end", "write through it"],
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            raise LsrError(
                f"{path}: this file system has no locks, which keep two writers apart ({error.strerror})",
                remedies=["keep the collection on another one"],
            ) from error
        _say(descriptor, WRITE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _say(descriptor: int, doing: str) -> None:
    """Write into the file who holds the lock, and for what."""
    said = {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing}
    # For the messages of others only: a full disk does not keep anyone from deleting documents.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(said).encode(), 0)


def _holder(descriptor: int) -> tuple[str, str]:
    """Who holds the lock, as far as the file says so, and for what: one of `DOING`."""
    try:
        said: Any = json.loads(os.pread(descriptor, _MOST, 0))
        pid, host, doing = int(said["pid"]), str(said["host"]), str(said.get("doing"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OSError):
        return "another process", WRITE
    doing = doing if doing in DOING else WRITE
    if pid == os.getpid() and host == socket.gethostname():
        return f"this process ({pid})", doing
    return f"process {pid} on {shortened(host)}", doing


class OwnCondition(threading.Condition):
    """A condition of the process that made it: a fork of that has none of its threads, and would wait for ever.

    Entering raises LogStoppedError there.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._process, self._path = os.getpid(), path

    @property
    def is_foreign(self) -> bool:
        """Whether this process is a fork of the one that made it."""
        return os.getpid() != self._process

    def __enter__(self) -> bool:
        if self.is_foreign:
            raise LogStoppedError(
                f"{self._path} was opened by process {self._process}, and this is {os.getpid()}",
                remedies=["open the collection in this process"],
            )
        return super().__enter__()

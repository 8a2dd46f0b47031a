"""Appending to the log: many writers, one fsync.

Writers put their records into a queue, under a lock, and get sequence numbers. Who waits for a record to be safe and
finds nobody writing becomes the leader: it takes what is in the queue, gives back the lock, writes all of it as one
frame, calls fsync once, and wakes up the others, of whom those whose records were in the frame are done. Meanwhile the
queue fills, so that the slower the disk is, the more records share a call.

A frame is written only when the one before it is on the disk. After a write or an fsync that failed, the system may
have thrown away what it had not written, and a second fsync may say that all is well (fsyncgate: Rebello et al., USENIX
ATC 2020). So the writer stops for good: it cuts off the frame, if it can, fails all that wait for it, and refuses
whatever comes later. Who opens the log again finds the frame gone or, if it could not be cut off, perhaps there: it was
not acknowledged, and may be there all the same. It is then the last one, and is written once more before anything is
appended, since it may be in the system's memory alone.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lsr.core.errors import InputError, LogStoppedError, OutputExistsError
from lsr.core.files import name_path
from lsr.core.limits import in_mebibytes
from lsr.index.live.log.calls import FileCalls, write_all
from lsr.index.live.log.frames import (
    HEADER_BYTES,
    MOST_PAYLOAD,
    encode_frame,
    encode_header,
    log_numbers,
    log_path,
    open_log,
)
from lsr.index.live.log.reader import LogPlace

# What a frame holds of several records, in bytes.
_GROUP = 1 << 23
# Beyond, who appends without waiting waits.
_MOST_QUEUED = 1 << 26
_AGAIN = "open the collection again"


class LogWriter:
    """Appends to the log of a collection; for any number of threads, of one process, which holds its lock.

    Use `create` or `resume`; a context manager, which closes it.
    """

    def __init__(self, folder: Path, identity: bytes, descriptor: int, place: LogPlace, calls: FileCalls) -> None:
        self._folder, self._identity, self._calls = folder, identity, calls
        self._descriptor, self._place = descriptor, place
        self._process = os.getpid()
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._next = place.sequence + 1
        self._writing = False
        self._failure: BaseException | None = None
        self._stopped = ""

    @classmethod
    def create(
        cls, folder: Path, identity: bytes, *, number: int = 1, first: int = 1, calls: FileCalls | None = None
    ) -> LogWriter:
        """Begin a log with file `number`, whose first record gets sequence number `first`.

        OutputExistsError if that file is there.
        """
        calls = calls or FileCalls()
        return cls(folder, identity, *_begin(calls, folder, identity, number, first, 0), calls)

    @classmethod
    def resume(cls, folder: Path, identity: bytes, place: LogPlace, *, calls: FileCalls | None = None) -> LogWriter:
        """Go on where a `LogReader` ended: what follows is cut off. The last frame is made safe: see above.

        Files that were not begun to the end are removed.
        """
        calls = calls or FileCalls()
        for path in folder.glob(".log-*.tmp"):
            calls.remove(path)
        path = log_path(folder, place.number)
        with open_log(path) as file:
            file.seek(place.last)
            last = file.read(place.offset - place.last)
        descriptor = calls.open(path, os.O_RDWR)
        try:
            if os.fstat(descriptor).st_size > place.offset:
                calls.truncate(descriptor, place.offset)
            write_all(calls, descriptor, last, place.last)
            calls.sync(descriptor)
            calls.sync_folder(folder)
        except BaseException as error:
            name_path(error, path)
            os.close(descriptor)
            raise
        return cls(folder, identity, descriptor, place, calls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LogWriter({log_path(self._folder, self._place.number)}, record {self.durable:,})"

    @property
    def durable(self) -> int:
        """Sequence number of the last record that is on the disk."""
        return self._place.sequence

    @property
    def appended(self) -> int:
        """Sequence number of the last record that was appended."""
        return self._next - 1

    @property
    def failed(self) -> bool:
        """Whether a write failed: what is not on the disk by now never will be."""
        return self._failure is not None

    @property
    def place(self) -> LogPlace:
        """Where the next frame goes: what is before it is on the disk."""
        return self._place

    def append(self, payloads: Sequence[bytes], *, wait: bool = True) -> range:
        """Append records, and return their sequence numbers once they are on the disk.

        With `wait=False`, return at once: they are safe once `flush` has returned. InputError for a record that is
        empty or too long. The OSError of a write that failed, which names the file: the records are not safe then, and
        may be there or not. LogStoppedError if one failed before.
        """
        for payload in payloads:
            if not 0 < len(payload) <= MOST_PAYLOAD:
                most = in_mebibytes(MOST_PAYLOAD)
                raise InputError(f"a record of the log may have 1 byte to {most}, not {len(payload):,} bytes")
        with self._changed:
            self._check()
            while self._queued > _MOST_QUEUED:
                self._commit(self._place.sequence + 1)
            numbers = range(self._next, self._next + len(payloads))
            self._next = numbers.stop
            self._queue.extend(payloads)
            self._queued += sum(map(len, payloads))
            if wait and payloads:
                self._commit(numbers[-1])
        return numbers

    def flush(self) -> int:
        """Wait until all that was appended is on the disk; return the last sequence number. Raises as `append`."""
        with self._changed:
            self._check()
            self._commit(self._next - 1)
            return self._place.sequence

    def rotate(self) -> int:
        """Make all that was appended safe, and go on in a new file; return its number. Raises as `append`.

        If the new file cannot be made, as on a full disk, the OSError is raised, and the old one is still appended to.
        """
        with self._changed:
            self._check()
            # When nothing is left, nobody is writing.
            while self._place.sequence + 1 < self._next:
                self._commit(self._next - 1)
            number, place = self._place.number + 1, self._place
            path = log_path(self._folder, number)
            try:
                descriptor, self._place = _begin(
                    self._calls, self._folder, self._identity, number, place.sequence + 1, place.crc
                )
            except BaseException as error:
                if path.exists():
                    # It has its name, but not for certain: what would be appended to the old one might be overlooked.
                    self._stop(error, "whether the next file is there is not known")
                raise
            os.close(self._descriptor)
            self._descriptor = descriptor
            return number

    def remove_before(self, number: int) -> None:
        """Remove the files of lower numbers, whose records are elsewhere; not the one that is appended to.

        What cannot be removed now is when this is called again.
        """
        gone = [each for each in log_numbers(self._folder) if each < min(number, self._place.number)]
        with suppress(OSError):
            for each in gone:
                self._calls.remove(log_path(self._folder, each))
            if gone:
                self._calls.sync_folder(self._folder)

    def close(self) -> None:
        """Make all that was appended safe, and close the file; raises as `append`, unless that said so before."""
        if os.getpid() != self._process:
            # A copy that a fork made: the lock may have been taken by a thread that this process does not have.
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)
            return
        with self._changed:
            if self._descriptor < 0:
                return
            try:
                if self._failure is None:
                    self._commit(self._next - 1)
            finally:
                while self._writing:
                    self._changed.wait()
                self._stopped = self._stopped or "it was closed"
                os.close(self._descriptor)
                self._descriptor = -1

    def _check(self) -> None:
        if os.getpid() != self._process:
            raise LogStoppedError(
                f"the log in {self._folder} was opened by process {self._process}, and this is {os.getpid()}",
                remedies=["open the collection in this process"],
            )
        if self._stopped:
            raise LogStoppedError(
                f"{log_path(self._folder, self._place.number)}: nothing more is written, since {self._stopped}",
                remedies=[_AGAIN],
            )

    def _commit(self, wanted: int) -> None:
        """Return once record `wanted` is on the disk; the lock is held, but for the time of writing and waiting."""
        while self._place.sequence < wanted:
            if self._failure is not None:
                raise self._raised()
            self._check()
            if self._writing:
                self._changed.wait()
                continue
            self._writing = True
            failure: tuple[BaseException, str] | None = None
            try:
                payloads = self._take()
                data, crc = encode_frame(payloads, self._place.sequence + 1, self._place.crc)
                self._changed.release()
                try:
                    failure = self._write(data)
                finally:
                    self._changed.acquire()
                if failure is None:
                    start, last = self._place.offset, self._place.sequence + len(payloads)
                    self._place = LogPlace(self._place.number, start + len(data), start, last, crc)
            except BaseException as error:
                # What was taken from the queue is not on the disk, whatever ends this thread.
                failure = error, "what was not acknowledged may be in it"
                raise
            finally:
                if failure is not None:
                    self._stop(*failure)
                self._writing = False
                self._changed.notify_all()
            if failure is not None:
                raise failure[0]

    def _take(self) -> list[bytes]:
        """The records of the next frame: at least one, and as many as a frame may hold."""
        payloads: list[bytes] = []
        size = 0
        while self._queue and (not payloads or size + len(self._queue[0]) <= _GROUP):
            payloads.append(self._queue.popleft())
            size += len(payloads[-1])
        self._queued -= size
        return payloads

    def _write(self, data: bytes) -> tuple[BaseException, str] | None:
        """Write a frame and wait for the disk; what went wrong, and what became of the frame, or None."""
        try:
            write_all(self._calls, self._descriptor, data, self._place.offset)
            self._calls.sync(self._descriptor)
        except BaseException as error:
            name_path(error, log_path(self._folder, self._place.number))
            try:
                self._calls.truncate(self._descriptor, self._place.offset)
                self._calls.sync(self._descriptor)
            except OSError:
                return error, "what was not acknowledged may be in it"
            return error, "what was not acknowledged was cut off"
        return None

    def _stop(self, error: BaseException, outcome: str) -> None:
        path = log_path(self._folder, self._place.number)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        self._failure = error
        self._stopped = f"a write failed ({_words(error)}); {outcome}"
        self._queue.clear()
        self._queued = 0

    def _raised(self) -> BaseException:
        """The failure, as an exception of its own for each thread."""
        error = self._failure
        if isinstance(error, OSError) and error.errno is not None:
            return OSError(error.errno, error.strerror, error.filename)
        return LogStoppedError(f"the log in {self._folder}: {self._stopped}", remedies=[_AGAIN])


def _words(error: BaseException) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _begin(
    calls: FileCalls, folder: Path, identity: bytes, number: int, first: int, previous: int
) -> tuple[int, LogPlace]:
    """Make a file of the log, which gets its name when it is whole; a descriptor of it, and where it begins."""
    path = log_path(folder, number)
    if os.path.lexists(path):
        raise OutputExistsError(f"{path} already exists")
    temporary = folder / f".{path.name}.tmp"
    header = encode_header(number, identity, first, previous)
    calls.remove(temporary)
    descriptor = calls.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        write_all(calls, descriptor, header, 0)
        calls.sync(descriptor)
        calls.rename(temporary, path)
        calls.sync_folder(folder)
    except BaseException as error:
        name_path(error, path)
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
        raise
    crc = int.from_bytes(header[-4:], "little")
    return descriptor, LogPlace(number, HEADER_BYTES, 0, first - 1, crc)

"""Keeping up with a log that another process writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lsr.core.errors import IndexFormatError, LogMovedError
from lsr.index.live.log.frames import HEADER_BYTES, Broken, Frame, log_path, open_log, read_frame, read_header
from lsr.index.live.log.reader import LogPlace, LogRecord, begin_file, damage, follow
from lsr.index.live.log.search import find_whole_frame


class LogFollower:
    """Reads what is appended to a log after a place: see `poll`. One thread at a time. Keeps no file open.

    Attributes:
        place: how far it has come.
    """

    def __init__(self, folder: Path, identity: bytes, place: LogPlace) -> None:
        """`place`: where a `LogReader` ended."""
        self._folder, self._identity = folder, identity
        self.place = place
        self._waiting: Broken | None = None
        # When the file was written last, as far as was seen: as long a record may stand in the place of the last one.
        self._written = 0

    def poll(self) -> Iterator[LogRecord]:
        """The records that have become whole since the last time; goes on to the files that a writer has begun since.

        It stops before a record that is not whole, which may be in the midst of being written, and looks again next
        time. LogMovedError if the files have gone, or what was read was cut off and written anew, as after a failed
        write: what was read was never acknowledged, and the collection has to be opened again. IndexFormatError for
        damage, as `LogReader`.
        """
        while True:
            # In this order: once the next file is there, nothing is appended to this one.
            is_last = not log_path(self._folder, self.place.number + 1).exists()
            yield from self._read_file(is_last=is_last)
            if is_last:
                return
            self._go_on()

    def _read_file(self, *, is_last: bool) -> Iterator[LogRecord]:
        path = log_path(self._folder, self.place.number)
        try:
            status = path.stat()
        except FileNotFoundError:
            raise self._moved(path, "is there no longer") from None
        if status.st_size < self.place.offset:
            raise self._moved(path, "was cut off")
        written, self._written = self._written, status.st_mtime_ns
        if status.st_size == self.place.offset:
            if status.st_mtime_ns != written:
                self._check_last(path)
            return
        with open_log(path) as file:
            while True:
                size = os.fstat(file.fileno()).st_size
                frame = read_frame(file, self.place.offset, size)
                if frame is None:
                    self._waiting = None
                    return
                if isinstance(frame, Broken):
                    # Only what stays broken is looked at more closely.
                    if is_last and frame != self._waiting:
                        self._waiting = frame
                        return
                    following = find_whole_frame(file, frame.start + 1, size, self.place.sequence)
                    if following is None and is_last:
                        return
                    self._check_history()
                    raise damage(path, frame, following)
                try:
                    self.place = follow(frame, path, self.place)
                except IndexFormatError:
                    self._check_history()
                    raise
                for sequence, payload in enumerate(frame.payloads, start=frame.first):
                    yield LogRecord(sequence, payload, path, frame.start)

    def _go_on(self) -> None:
        path = log_path(self._folder, self.place.number + 1)
        with open_log(path) as file:
            header = read_header(file, path, self.place.number + 1, self._identity)
        try:
            self.place = begin_file(header, path, self.place, self.place.sequence)
        except IndexFormatError:
            self._check_history()
            raise

    def _check_last(self, path: Path) -> None:
        """LogMovedError if what was read last is another frame now; it says which all the others were."""
        with open_log(path) as file:
            if self.place.last:
                frame = read_frame(file, self.place.last, self.place.offset)
                crc = frame.crc if isinstance(frame, Frame) else None
            else:
                crc = read_header(file, path, self.place.number, self._identity).crc
        if crc != self.place.crc:
            raise self._moved(path, "was written anew")

    def _check_history(self) -> None:
        """LogMovedError if the file, read anew, is whole as far as it was read, but not with what was read of it."""
        path = log_path(self._folder, self.place.number)
        with open_log(path) as file:
            at, crc = HEADER_BYTES, read_header(file, path, self.place.number, self._identity).crc
            while at < self.place.offset:
                frame = read_frame(file, at, os.fstat(file.fileno()).st_size)
                if not isinstance(frame, Frame):
                    return
                at, crc = frame.end, frame.crc
        if at != self.place.offset or crc != self.place.crc:
            raise self._moved(path, "was written anew")

    def _moved(self, path: Path, what: str) -> LogMovedError:
        return LogMovedError(f"{path} {what} since it was read", remedies=["open the collection again"])

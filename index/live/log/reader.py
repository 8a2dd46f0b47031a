"""Replaying the log: every whole record once, a torn tail cut off and reported, damage named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lsr.core.errors import IndexFormatError
from lsr.index.format.files import RESTORE
from lsr.index.live.log.frames import (
    HEADER_BYTES,
    Broken,
    Frame,
    Header,
    log_numbers,
    log_path,
    open_log,
    read_frame,
    read_header,
)
from lsr.index.live.log.search import find_whole_frame


class LogRecord(NamedTuple):
    """A record: its sequence number, its bytes, and the file and byte where its frame begins, for errors."""

    sequence: int
    payload: bytes
    path: Path
    offset: int


class TornTail(NamedTuple):
    """Bytes at the end of the last file that are no whole record: nobody was told that what they held is safe."""

    path: Path
    offset: int
    bytes: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.bytes:,} bytes from byte {self.offset:,} on are no whole record ({self.reason})"


class LogPlace(NamedTuple):
    """How far a log was read.

    Attributes:
        number: of the file.
        offset: where the next frame is to begin.
        last: where the frame before begins; the header of the file is at 0.
        sequence: number of the last record.
        crc: checksum of the last frame, or of the file's header.
    """

    number: int
    offset: int
    last: int
    sequence: int
    crc: int


class LogReader:
    """The records of a log in their order, each once: iterate over it, to the end, before `place` is used.

    Attributes:
        place: how far it has come; None before the first file was opened.
        torn: the torn tail, or None.
        repeated: bytes of frames that are there twice, and were left out.
    """

    def __init__(self, folder: Path, identity: bytes, *, first: int = 1, after: int = 0) -> None:
        """Of the files from number `first` on, the records after sequence number `after`."""
        self._folder, self._identity = folder, identity
        self._first, self._after = first, after
        self.place: LogPlace | None = None
        self.torn: TornTail | None = None
        self.repeated = 0

    def __iter__(self) -> Iterator[LogRecord]:
        """IndexFormatError names the file and the byte of damage: of what is not whole, though records follow."""
        numbers = [number for number in log_numbers(self._folder) if number >= self._first]
        if not numbers or numbers[0] != self._first:
            raise IndexFormatError(f"{log_path(self._folder, self._first)}: missing", remedies=[RESTORE])
        for before, number in pairwise(numbers):
            if number != before + 1:
                raise IndexFormatError(f"{log_path(self._folder, before + 1)}: missing", remedies=[RESTORE])
        for number in numbers:
            yield from self._read_file(number, is_last=number == numbers[-1])

    def _read_file(self, number: int, *, is_last: bool) -> Iterator[LogRecord]:
        path = log_path(self._folder, number)
        with open_log(path) as file:
            header = read_header(file, path, number, self._identity)
            self.place = place = begin_file(header, path, self.place, self._after)
            while (frame := self._next_frame(file, path, place, is_last=is_last)) is not None:
                if frame.last < place.sequence or (frame.last == place.sequence and frame.crc == place.crc):
                    self.repeated += frame.end - frame.start
                    self.place = place = place._replace(offset=frame.end)
                    continue
                self.place = place = follow(frame, path, place)
                for sequence, payload in enumerate(frame.payloads, start=frame.first):
                    if sequence > self._after:
                        yield LogRecord(sequence, payload, path, frame.start)

    def _next_frame(self, file: BinaryIO, path: Path, place: LogPlace, *, is_last: bool) -> Frame | None:
        """The frame at a place; None at the end of the file, or at a torn tail."""
        size = os.fstat(file.fileno()).st_size
        frame = read_frame(file, place.offset, size)
        if not isinstance(frame, Broken):
            return frame
        following = find_whole_frame(file, place.offset + 1, size, place.sequence)
        if following is None and is_last:
            self.torn = TornTail(path, place.offset, size - place.offset, frame.reason)
            return None
        # Beside a writer, what was not whole may have become so while what follows it was written.
        with open_log(path) as again:
            frame = read_frame(again, place.offset, os.fstat(again.fileno()).st_size)
        if isinstance(frame, Broken):
            raise damage(path, frame, following)
        return frame


def damage(path: Path, broken: Broken, following: int | None) -> IndexFormatError:
    """The error for what is not whole, though what follows it in the log shows that it was."""
    what = "the file is not the last" if following is None else f"whole records follow at byte {following:,}"
    return IndexFormatError(
        f"{path}: damaged at byte {broken.start:,}: {broken.reason}, and {what}", remedies=[RESTORE]
    )


def begin_file(header: Header, path: Path, before: LogPlace | None, after: int) -> LogPlace:
    """The place of the first frame of a file, which continues what was read before, or begins by `after` at the latest.

    IndexFormatError if records are missing in between.
    """
    if before is None:
        if header.first > after + 1:
            raise _missing(path, 0, after + 1, header.first)
        return LogPlace(header.number, HEADER_BYTES, 0, header.first - 1, header.crc)
    if header.first > before.sequence + 1:
        raise _missing(path, 0, before.sequence + 1, header.first)
    if header.first != before.sequence + 1 or header.previous != before.crc:
        raise IndexFormatError(f"{path}: does not continue the file before it", remedies=[RESTORE])
    return LogPlace(header.number, HEADER_BYTES, 0, before.sequence, header.crc)


def follow(frame: Frame, path: Path, place: LogPlace) -> LogPlace:
    """The place after a frame. IndexFormatError if it is not the one that comes next."""
    if frame.first > place.sequence + 1:
        raise _missing(path, frame.start, place.sequence + 1, frame.first)
    if frame.first != place.sequence + 1 or frame.previous != place.crc:
        raise IndexFormatError(
            f"{path}: damaged at byte {frame.start:,}: record {frame.first:,} does not continue the one before it",
            remedies=[RESTORE],
        )
    return LogPlace(place.number, frame.end, frame.start, frame.last, frame.crc)


def _missing(path: Path, offset: int, first: int, next_: int) -> IndexFormatError:
    return IndexFormatError(
        f"{path}: damaged at byte {offset:,}: records {first:,} to {next_ - 1:,} are missing",
        remedies=[RESTORE],
    )

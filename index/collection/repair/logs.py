"""What a damaged log still says: the writes before the damage, which stay, and those after it, which are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError
from lsr.index.format.live_record import LiveRecord
from lsr.index.live.log.frames import HEADER_BYTES, Frame, log_numbers, log_path, open_log, read_frame, read_header
from lsr.index.live.log.reader import LogReader, LogRecord
from lsr.index.live.log.records import decode
from lsr.index.live.log.search import find_whole_frame
from lsr.index.live.writes import Delete, Put, Write
from lsr.text.windows import join_windows, split_window_id


@dataclass(slots=True)
class LogFindings:
    """What there is in the log of a collection.

    Attributes:
        writes: of each record before the damage.
        damage: what is wrong, in words; None for a sound log.
        from_file: number of the first file that is damaged, or of the first that there is after one that is missing.
        numbers: of all files.
        after: of each record behind the damage that could be read, its writes.
        unreadable: how many records are known to have been in between, and could not be read.
        windows: whether documents are cut into windows.
    """

    writes: list[list[Write]] = field(default_factory=list)
    damage: str | None = None
    from_file: int = 0
    numbers: list[int] = field(default_factory=list)
    after: list[list[Write]] = field(default_factory=list)
    unreadable: int = 0
    windows: bool = False

    def final(self, writes: list[list[Write]]) -> FinalWrites:
        """What writes leave of each document."""
        found = FinalWrites(windows=self.windows)
        for each in writes:
            found.apply(each)
        return found


def read_log(path: Path, live: LiveRecord) -> LogFindings:
    """Read the log of the collection at `path`, as far as it can be."""
    numbers = [number for number in log_numbers(path) if number >= live.log]
    found = LogFindings(numbers=numbers, windows=live.windows is not None)
    reader = LogReader(path, bytes.fromhex(live.identity), first=live.log, after=live.sequence)
    sequence, last = live.sequence, None
    try:
        for last in reader:
            found.writes.append(decode(last.payload, f"{last.path}: record {last.sequence:,}"))
            sequence = last.sequence
    except IndexFormatError as error:
        found.damage = error.problem
        number, offset = _where(path, live, reader, last, sequence)
        found.from_file = number
        _read_after(path, live, found, number, offset, sequence)
    return found


def _where(path: Path, live: LiveRecord, reader: LogReader, last: LogRecord | None, sequence: int) -> tuple[int, int]:
    """(The file that is damaged, the byte from which on records may lie behind the damage)."""
    place = reader.place
    if place is None:
        return live.log, HEADER_BYTES
    if last is not None and last.sequence > sequence:
        return place.number, last.offset  # the record is whole, but not what it holds
    if place.offset >= log_path(path, place.number).stat().st_size:
        return place.number + 1, HEADER_BYTES
    return place.number, place.offset


def _read_after(path: Path, live: LiveRecord, found: LogFindings, number: int, offset: int, sequence: int) -> None:
    """Look for the records after number `sequence`, from a byte of a file on."""
    seen, decoded = sequence, 0
    for each in found.numbers:
        if each < number:
            continue
        for frame in _frames(path, live, each, offset if each == number else HEADER_BYTES, seen):
            for place, payload in enumerate(frame.payloads, start=frame.first):
                if place <= seen:
                    continue  # there twice
                seen = place
                try:
                    found.after.append(decode(payload))
                    decoded += 1
                except IndexFormatError:
                    pass  # counted below
    found.unreadable = seen - sequence - decoded


def _frames(path: Path, live: LiveRecord, number: int, offset: int, after: int) -> Iterator[Frame]:
    """The whole frames of a file from a byte on, whatever lies between them."""
    try:
        with open_log(log_path(path, number)) as file:
            try:
                header = read_header(file, log_path(path, number), number, bytes.fromhex(live.identity))
                after = max(after, header.first - 1)
            except IndexFormatError:
                pass  # of a damaged header, the frames may be whole
            size = file.seek(0, 2)
            while offset < size:
                frame = read_frame(file, offset, size)
                if isinstance(frame, Frame):
                    yield frame
                    offset, after = frame.end, max(after, frame.last)
                else:
                    at = find_whole_frame(file, offset + 1, size, after)
                    offset = size if at is None else at
    except (IndexFormatError, OSError):
        return  # no file, or none that can be read: what is not said counts as unreadable where others follow


class FinalWrites:
    """What writes leave of each document that they are of: the last put, or that it was deleted."""

    def __init__(self, *, windows: bool) -> None:
        self._windows = windows
        self._rows: dict[str, list[Document] | None] = {}

    def apply(self, writes: list[Write]) -> None:
        """Take the writes of a record."""
        for write in writes:
            if isinstance(write, Delete):
                self._rows[write.id] = None
                continue
            id, number = split_window_id(write.id) if self._windows else (write.id, 0)
            rows = self._rows.get(id)
            if number and rows:
                rows.append(write.document)
            else:
                self._rows[id] = [write.document]

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def deleted(self) -> list[str]:
        """Ids of documents that are gone."""
        return [id for id, rows in self._rows.items() if rows is None]

    def documents(self) -> Iterator[Document]:
        """The others."""
        for rows in self._rows.values():
            if rows is not None:
                yield join_windows(rows) if self._windows else rows[0]


def without_dense(writes: list[Write]) -> list[Write]:
    """The same writes for a collection that no longer has dense vectors."""
    for write in writes:
        if isinstance(write, Put):
            write.dense = None
    return writes

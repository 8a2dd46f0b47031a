"""A process that reads what another appends: nothing torn, nothing twice, nothing that was taken back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from log_faults import IDENTITY, FaultyCalls, read, reopen

from lsr.core.errors import IndexFormatError, LogMovedError
from lsr.index.live.log.follower import LogFollower
from lsr.index.live.log.frames import FRAME_BYTES, log_path
from lsr.index.live.log.writer import LogWriter


@pytest.fixture
def writer(tmp_path: Path) -> LogWriter:
    """Of a log of one record."""
    writer = LogWriter.create(tmp_path, IDENTITY, calls=FaultyCalls())
    writer.append([b"one"])
    return writer


def follower(folder: Path) -> LogFollower:
    _, reader = read(folder)
    assert reader.place is not None
    return LogFollower(folder, IDENTITY, reader.place)


def polled(reader: LogFollower) -> list[tuple[int, bytes]]:
    return [(record.sequence, record.payload) for record in reader.poll()]


def test_what_is_appended_is_seen_once_by_the_next_poll(tmp_path: Path, writer: LogWriter) -> None:
    reader = follower(tmp_path)
    assert polled(reader) == []
    writer.append([b"two", b"three"])
    assert polled(reader) == [(2, b"two"), (3, b"three")]
    assert polled(reader) == []
    writer.append([b"four"])
    writer.rotate()
    writer.rotate()
    writer.append([b"five"])
    assert polled(reader) == [(4, b"four"), (5, b"five")]
    writer.append([b"six"])
    writer.rotate()
    assert polled(reader) == [(6, b"six")]
    assert reader.place == writer.place


def test_a_poll_that_is_left_goes_on_after_the_last_whole_frame(tmp_path: Path, writer: LogWriter) -> None:
    reader = follower(tmp_path)
    writer.append([b"two"])
    writer.append([b"three"])
    assert next(reader.poll()).payload == b"two"
    assert polled(reader) == [(3, b"three")]


def test_a_record_is_read_when_its_last_byte_is_there_and_not_before(tmp_path: Path, writer: LogWriter) -> None:
    path = log_path(tmp_path, 1)
    reader, size = follower(tmp_path), path.stat().st_size
    writer.append([b"two"])
    data = path.read_bytes()
    for length in range(size, len(data)):
        path.write_bytes(data[:length])
        assert polled(reader) == []
        # As a file that has its length before its bytes.
        path.write_bytes(data[:length] + bytes(len(data) - length))
        assert polled(reader) == ([] if any(data[length:]) else [(2, b"two")])
    path.write_bytes(data)
    assert polled(reader) == [(2, b"two")]


def test_damage_under_a_follower_is_named(tmp_path: Path, writer: LogWriter) -> None:
    path = log_path(tmp_path, 1)
    reader, size = follower(tmp_path), path.stat().st_size
    writer.append([b"two"])
    writer.append([b"three"])
    data = bytearray(path.read_bytes())
    data[size + FRAME_BYTES] ^= 1
    path.write_bytes(data)
    assert polled(reader) == []  # it may be in the midst of being written
    with pytest.raises(IndexFormatError, match=f"damaged at byte {size}: .*, and whole records follow"):
        polled(reader)


def test_damage_in_a_file_that_is_not_the_last_is_named_at_once(tmp_path: Path, writer: LogWriter) -> None:
    path = log_path(tmp_path, 1)
    reader = follower(tmp_path)
    writer.append([b"two"])
    writer.rotate()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexFormatError, match="and the file is not the last"):
        polled(reader)


def take_back(writer: LogWriter, folder: Path, reader: LogFollower) -> None:
    """Let a record be read whose fsync fails, so that it is cut off again."""
    calls = writer._calls
    assert isinstance(calls, FaultyCalls)
    seen = []

    def sync(descriptor: int) -> None:
        if not seen:
            seen.append(polled(reader))
            raise OSError(5, "Input/output error")

    calls.sync = sync  # type: ignore[method-assign]
    with pytest.raises(OSError, match="Input/output error"):
        writer.append([b"taken back"])
    writer.close()
    assert seen == [[(2, b"taken back")]]


@pytest.mark.parametrize("record", [b"another", b"the others", b"a longer one than that"])
@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("polls", [0, 1])
def test_what_was_read_and_taken_back_is_noticed(
    tmp_path: Path, writer: LogWriter, record: bytes, rotated: bool, polls: int
) -> None:
    """Whether what is written in its place is shorter, as long, or longer."""
    reader = follower(tmp_path)
    take_back(writer, tmp_path, reader)
    if polls:
        with pytest.raises(LogMovedError, match="was cut off since it was read; open the collection again"):
            polled(reader)
        return
    found, again = reopen(tmp_path)
    assert found == [(1, b"one")]
    again.append([record])
    if rotated:
        again.rotate()
    again.append([b"and more", b"of it"])
    again.append([b"more"])
    # Broken bytes at the place may be a write that is under way: the second poll takes a closer look.
    with pytest.raises(LogMovedError, match="since it was read; open the collection again"):
        assert [polled(reader) for _ in range(2)] == [[], []]
    again.close()
    assert polled(follower(tmp_path)) == []


def test_files_that_are_gone_are_noticed(tmp_path: Path, writer: LogWriter) -> None:
    reader = follower(tmp_path)
    writer.rotate()
    writer.remove_before(2)
    with pytest.raises(LogMovedError, match="log-0000000001 is there no longer"):
        polled(reader)


WRITE = """
import sys
from pathlib import Path
from lsr.index.live.log.writer import LogWriter
from lsr.index.live.log.reader import LogReader
folder = Path(sys.argv[1])
reader = LogReader(folder, bytes(range(16)))
list(reader)
writer = LogWriter.resume(folder, bytes(range(16)), reader.place)
for number in range(300):
    writer.append([str(number).encode() * (1 + number * 37 % 1000)])
    if number % 100 == 99:
        writer.rotate()
"""


@pytest.mark.process
def test_another_process_is_followed_while_it_writes(tmp_path: Path, writer: LogWriter) -> None:
    writer.close()
    reader = follower(tmp_path)
    found: list[tuple[int, bytes]] = []
    with subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path)]) as process:
        while process.poll() is None:
            found += polled(reader)
        found += polled(reader)
        assert process.returncode == 0
    wanted = [str(number).encode() * (1 + number * 37 % 1000) for number in range(300)]
    assert found == list(enumerate(wanted, start=2))

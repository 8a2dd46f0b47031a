"""The log: what is appended comes back; torn tails are cut off, damage is named, repetition is applied once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from log_faults import IDENTITY, FaultyCalls, read, reopen
from patience import PATIENCE

from lsr.core.errors import IndexFormatError, InputError, LogStoppedError, OutputExistsError
from lsr.index.live.log import frames
from lsr.index.live.log.frames import FRAME_BYTES, HEADER_BYTES, encode_frame, log_path
from lsr.index.live.log.reader import LogReader
from lsr.index.live.log.search import find_whole_frame
from lsr.index.live.log.writer import LogWriter

RECORDS = [b"one", b"two!", b"x" * 40, b"\0\0", b"five"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of five records, each in a frame of its own, in one file."""
    with LogWriter.create(tmp_path, IDENTITY) as writer:
        for record in RECORDS:
            writer.append([record])
    return log_path(tmp_path, 1)


def numbered(count: int) -> list[tuple[int, bytes]]:
    return list(enumerate(RECORDS[:count], start=1))


def ends(path: Path) -> list[int]:
    """Where the file's header and its frames end."""
    found, size = [HEADER_BYTES], path.stat().st_size
    with frames.open_log(path) as file:
        while (frame := frames.read_frame(file, found[-1], size)) is not None:
            assert isinstance(frame, frames.Frame)
            found.append(frame.end)
    return found


def test_what_is_appended_comes_back_in_order(log: Path) -> None:
    found, reader = read(log.parent)
    assert found == numbered(5)
    assert (reader.torn, reader.repeated) == (None, 0)
    assert read(log.parent, after=3)[0] == numbered(5)[3:]


def test_a_group_has_one_frame_and_consecutive_numbers(tmp_path: Path) -> None:
    calls = FaultyCalls()
    with LogWriter.create(tmp_path, IDENTITY, first=8, calls=calls) as writer:
        before = calls.made.count("sync")
        assert writer.append(RECORDS) == range(8, 13)
        assert calls.made.count("sync") == before + 1
        assert writer.append([]) == range(13, 13)
        assert writer.append([b"a"], wait=False) == range(13, 14)
        assert writer.durable == 12
        assert writer.flush() == writer.durable == 13
    assert [number for number, _ in read(tmp_path, after=7)[0]] == list(range(8, 14))


def test_what_is_appended_without_waiting_is_safe_when_the_log_is_closed(tmp_path: Path) -> None:
    writer = LogWriter.create(tmp_path, IDENTITY)
    writer.append(RECORDS, wait=False)
    writer.close()
    writer.close()
    assert read(tmp_path)[0] == numbered(5)
    with pytest.raises(LogStoppedError, match="it was closed; open the collection again"):
        writer.append([b"a"])


def test_a_log_goes_on_where_it_ended(log: Path) -> None:
    found, writer = reopen(log.parent)
    with writer:
        assert writer.append([b"six"]) == range(6, 7)
    assert read(log.parent)[0] == [*found, (6, b"six")]


def test_files_follow_one_another(log: Path) -> None:
    _, writer = reopen(log.parent)
    with writer:
        assert writer.rotate() == 2
        writer.append([b"six"])
        writer.append([b"seven"], wait=False)
        assert writer.rotate() == 3
        writer.append([b"eight"])
        everything = [*numbered(5), (6, b"six"), (7, b"seven"), (8, b"eight")]
        assert read(log.parent)[0] == everything
        assert read(log.parent, first=2, after=5)[0] == everything[5:]
        writer.remove_before(2)
        with pytest.raises(IndexFormatError, match="log-0000000001: missing"):
            read(log.parent)
        assert read(log.parent, first=2, after=6)[0] == everything[6:]
        with pytest.raises(IndexFormatError, match=r"log-0000000002: .* records 4 to 5 are missing"):
            read(log.parent, first=2, after=3)
        writer.remove_before(9)
    assert frames.log_numbers(log.parent) == [3]


def test_a_file_between_others_may_not_be_missing(log: Path) -> None:
    _, writer = reopen(log.parent)
    with writer:
        for _ in range(2):
            writer.rotate()
            writer.append([b"more"])
    log_path(log.parent, 2).unlink()
    with pytest.raises(IndexFormatError, match="log-0000000002: missing"):
        read(log.parent)


@pytest.mark.parametrize("payload", [b"", b"x" * 11])
def test_a_record_of_no_or_too_many_bytes_is_refused_by_itself(
    tmp_path: Path, payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsr.index.live.log.writer.MOST_PAYLOAD", 10)
    with LogWriter.create(tmp_path, IDENTITY) as writer:
        with pytest.raises(InputError, match="may have 1 byte to"):
            writer.append([b"a", payload])
        writer.append([b"b"])
    assert read(tmp_path)[0] == [(1, b"b")]


def test_cut_off_at_every_byte_what_was_acknowledged_before_is_there(log: Path) -> None:
    data, places = log.read_bytes(), ends(log)
    for length in range(len(data)):
        log.write_bytes(data[:length])
        if length < HEADER_BYTES:
            with pytest.raises(IndexFormatError, match="its header is cut off"):
                read(log.parent)
            continue
        whole = sum(end <= length for end in places) - 1
        found, reader = read(log.parent)
        assert found == numbered(whole)
        torn = length - places[whole]
        assert (0 if reader.torn is None else reader.torn.bytes) == torn
        if reader.torn is not None:
            assert reader.torn.offset == places[whole]
            assert f"{torn} bytes from byte {places[whole]} on are no whole record" in str(reader.torn)


def test_any_flipped_bit_is_a_torn_tail_of_the_last_record_or_named(log: Path) -> None:
    data, last = log.read_bytes(), ends(log)[-2]
    for bit in range(8 * len(data)):
        made = bytearray(data)
        made[bit // 8] ^= 1 << bit % 8
        log.write_bytes(made)
        if bit // 8 < last:
            with pytest.raises(IndexFormatError, match="log-0000000001: "):
                read(log.parent)
        else:
            found, reader = read(log.parent)
            assert found == numbered(4)
            assert reader.torn is not None
            assert (reader.torn.offset, reader.torn.bytes) == (last, len(data) - last)


def test_damage_says_where_it_is_and_what_follows(log: Path) -> None:
    data, places = bytearray(log.read_bytes()), ends(log)
    data[places[1] + FRAME_BYTES] ^= 1
    log.write_bytes(data)
    follows = f"whole records follow at byte {places[2]}; restore"
    said = f"damaged at byte {places[1]}: its checksum does not fit, and {follows}"
    with pytest.raises(IndexFormatError, match=said):
        read(log.parent)


@pytest.mark.parametrize("tail", [b"\0" * 3, b"\0" * 5000, b"\xff" * 40, b"junk"])
def test_rubbish_at_the_end_is_a_torn_tail(log: Path, tail: bytes) -> None:
    size = log.stat().st_size
    with log.open("ab") as file:
        file.write(tail)
    found, reader = read(log.parent)
    assert found == numbered(5)
    assert reader.torn is not None
    assert (reader.torn.offset, reader.torn.bytes) == (size, len(tail))
    _, writer = reopen(log.parent)
    assert log.stat().st_size == size
    with writer:
        writer.append([b"six"])
    assert read(log.parent)[0] == [*numbered(5), (6, b"six")]


def test_tails_that_are_there_twice_are_applied_once(log: Path) -> None:
    data, places = log.read_bytes(), ends(log)
    for start in range(HEADER_BYTES, len(data)):
        log.write_bytes(data + data[start:])
        found, reader = read(log.parent)
        assert found == numbered(5)
        if start in places:
            assert (reader.repeated, reader.torn) == (len(data) - start, None)
        else:
            assert reader.torn is not None
        _, writer = reopen(log.parent)
        with writer:
            writer.append([b"six"])
        assert read(log.parent)[0] == [*numbered(5), (6, b"six")]
        log.unlink()


def test_another_record_of_the_same_number_is_damage(log: Path) -> None:
    other, _ = encode_frame([b"FIVE"], 5, int.from_bytes(log.read_bytes()[ends(log)[-2] + 16 :][:4], "little"))
    with log.open("ab") as file:
        file.write(other)
    with pytest.raises(IndexFormatError, match="record 5 does not continue"):
        read(log.parent)


def test_a_missing_record_is_named(log: Path) -> None:
    data, places = log.read_bytes(), ends(log)
    log.write_bytes(data[: places[1]] + data[places[3] :])
    with pytest.raises(IndexFormatError, match=f"damaged at byte {places[1]}: records 2 to 3 are missing"):
        read(log.parent)


def test_what_is_not_whole_in_a_file_that_is_not_the_last_is_damage(log: Path) -> None:
    _, writer = reopen(log.parent)
    with writer:
        writer.rotate()
    data = log.read_bytes()
    log.write_bytes(data[:-1])
    with pytest.raises(IndexFormatError, match=r"bytes are announced, .* and the file is not the last"):
        read(log.parent)
    log.write_bytes(data[: ends_of_four(data)])
    with pytest.raises(IndexFormatError, match=r"log-0000000002: .* records 5 to 5 are missing"):
        read(log.parent)


def ends_of_four(data: bytes) -> int:
    """Where the fourth of the five frames ends."""
    return len(data) - FRAME_BYTES - 4 - len(RECORDS[4])


def test_another_collections_file_is_refused(log: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match="the log of another collection"):
        list(LogReader(log.parent, bytes(16)))
    log.rename(log_path(tmp_path, 2))
    with pytest.raises(IndexFormatError, match="holds file 1 of the log, not 2"):
        read(tmp_path, first=2)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_file_is_not_read(log: Path, kind: str) -> None:
    import os

    log.rename(log.parent / "elsewhere")
    match kind:
        case "link":
            log.symlink_to("elsewhere")
        case "folder":
            log.mkdir()
        case _:
            os.mkfifo(log)
    with pytest.raises(IndexFormatError, match=r"log-0000000001: (not |a symbolic link)"):
        read(log.parent)


def test_a_newer_format_is_refused_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(frames, "VERSION", 7)
        LogWriter.create(tmp_path, IDENTITY).close()
    with pytest.raises(IndexFormatError, match=r"format version 7, .* reads version 1; use the version that wrote it"):
        read(tmp_path)


def test_a_log_is_not_begun_over_another(log: Path) -> None:
    with pytest.raises(OutputExistsError, match="log-0000000001 already exists"):
        LogWriter.create(log.parent, IDENTITY)
    assert read(log.parent)[0] == numbered(5)


def test_bytes_that_look_like_frames_do_not_take_forever(log: Path) -> None:
    """A tail in which very many places announce long bodies: not searched to the end, and not taken for nothing."""
    size = log.stat().st_size
    head, room = encode_frame([b"x"], 6, 0)[0][:FRAME_BYTES], 1 << 21
    piece = (room // 2).to_bytes(4, "little") + head[4:]
    with log.open("ab") as file:
        file.write(piece * (room // len(piece)))
    with pytest.raises(IndexFormatError, match=f"damaged at byte {size}"):
        read(log.parent)


def test_whole_frames_are_found_wherever_they_begin(tmp_path: Path) -> None:
    frame, _ = encode_frame([b"record"], 77, 5)
    for before in (0, 1, 7, (1 << 18) - 3, (1 << 18) + FRAME_BYTES - 1, 2 << 18):
        path = tmp_path / "some"
        path.write_bytes(b"\7" * before + frame + b"end")
        with path.open("rb") as file:
            assert find_whole_frame(file, 0, path.stat().st_size, 70) == before
            assert find_whole_frame(file, 0, path.stat().st_size, 77) is None


def test_many_threads_share_syncs_and_lose_nothing(tmp_path: Path) -> None:
    calls = FaultyCalls()
    acknowledged: dict[int, bytes] = {}
    with LogWriter.create(tmp_path, IDENTITY, calls=calls) as writer:

        def write(thread: int) -> None:
            for number in range(40):
                payloads = [f"{thread}/{number}/{part}".encode() for part in range(number % 3 + 1)]
                acknowledged.update(zip(writer.append(payloads), payloads, strict=True))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            writer.rotate()
        for thread in threads:
            thread.join()
    assert len(acknowledged) == 8 * (14 * 1 + 13 * 2 + 13 * 3)
    assert read(tmp_path)[0] == sorted(acknowledged.items())


def test_a_group_that_waits_becomes_one_frame(tmp_path: Path) -> None:
    """While the disk is busy with one record, those of other threads gather, and share the next call."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(FaultyCalls):
        def sync(self, descriptor: int) -> None:
            super().sync(descriptor)
            if self.made.count("sync") == 2:  # after that of the header
                begun.set()
                assert go_on.wait(PATIENCE)

    calls = Slow()
    writer = LogWriter.create(tmp_path, IDENTITY, calls=calls)
    first = threading.Thread(target=writer.append, args=([b"first"],))
    first.start()
    assert begun.wait(PATIENCE)
    writer.append([b"a", b"b"], wait=False)
    others = [threading.Thread(target=writer.append, args=([b"c"],)) for _ in range(5)]
    for thread in others:
        thread.start()
    while len(writer._queue) < 7:
        threading.Event().wait(0.001)
    go_on.set()
    for thread in [first, *others]:
        thread.join()
    assert calls.made.count("sync") == 3
    assert writer.durable == 8
    writer.close()

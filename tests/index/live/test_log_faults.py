"""Writes that fail, at every call in turn, and power that goes: what was acknowledged is there."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from log_faults import IDENTITY, Disk, FaultyCalls, read, reopen
from patience import PATIENCE

from lsr.core.errors import LogStoppedError, OutputExistsError
from lsr.index.live.log.calls import FileCalls
from lsr.index.live.log.frames import HEADER_BYTES, log_numbers, log_path
from lsr.index.live.log.writer import LogWriter

# Error numbers, and how much of a write is done before it fails; no number: a write that says it was shorter.
FAULTS = [
    (errno.ENOSPC, 0.0, False),
    (errno.ENOSPC, 0.6, False),
    (errno.EIO, 0.0, False),
    (errno.EIO, 1.0, False),
    (errno.EIO, 0.6, True),
    (None, 0.6, False),
]


class Account:
    """What a log was given, and what of it was acknowledged."""

    def __init__(self) -> None:
        self.given: list[list[bytes]] = []
        self.acknowledged: list[bytes] = []

    def append(self, writer: LogWriter, *payloads: bytes) -> None:
        self.given.append(list(payloads))
        writer.append(payloads)
        self.acknowledged += payloads


def work(calls: FileCalls, folder: Path, account: Account) -> None:
    """Begin a log, append to it, rotate and remove: each call of the system at least once."""
    writer = LogWriter.create(folder, IDENTITY, calls=calls)
    try:
        account.append(writer, b"one")
        account.append(writer, b"two", b"2" * 50)
        writer.rotate()
        account.append(writer, b"three")
        writer.append([b"unsaid"], wait=False)
        writer.rotate()
        account.acknowledged.append(b"unsaid")
        account.append(writer, b"four")
    finally:
        writer.close()


def calls_of(act: Callable[[FileCalls, Path, Account], None], folder: Path) -> list[str]:
    calls = FaultyCalls()
    folder.mkdir()
    act(calls, folder, Account())
    return calls.made


def check(folder: Path, account: Account) -> list[bytes]:
    """That what was acknowledged is there, in its order, followed at most by what was not."""
    found = [payload for _, payload in read(folder)[0]]
    assert found[: len(account.acknowledged)] == account.acknowledged
    return found[len(account.acknowledged) :]


def cases(folder: Path) -> Iterator[tuple[int, int | None, float, bool]]:
    made = calls_of(work, folder)
    assert {"open", "write", "sync", "rename", "sync_folder"} <= set(made)
    for at, (number, part, forever) in itertools.product(range(len(made)), FAULTS):
        if number is not None or made[at] == "write":
            yield at, number, part, forever


def test_whichever_call_fails_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    outcomes = set()
    for case, (at, number, part, forever) in enumerate(cases(tmp_path / "sound")):
        folder, account = tmp_path / str(case), Account()
        folder.mkdir()
        calls = FaultyCalls(at, number, part=part, forever=forever)
        if number is None:
            work(calls, folder, account)
            assert check(folder, account) == []
        else:
            with pytest.raises(OSError, match=r"log-|\Z") as raised:
                work(calls, folder, account)
            assert raised.value.errno == number
        assert calls.failed
        if not log_numbers(folder):
            assert account.acknowledged == []
            continue
        beyond = check(folder, account)
        outcomes.add(len(beyond))
        # Whatever it was, the log goes on from there.
        found, writer = reopen(folder)
        assert len(found) == len(account.acknowledged) + len(beyond)
        with writer:
            writer.append([b"later"])
            writer.rotate()
        assert [payload for _, payload in read(folder)[0]] == [*account.acknowledged, *beyond, b"later"]
        assert not list(folder.glob(".log-*"))
    # Not acknowledged, and gone; not acknowledged, and there.
    assert outcomes >= {0, 1}


def test_a_failed_sync_stops_the_writer_and_cuts_off_what_was_not_acknowledged(tmp_path: Path) -> None:
    calls = FaultyCalls()
    writer = LogWriter.create(tmp_path, IDENTITY, calls=calls)
    writer.append([b"kept"])
    calls.at = len(calls.made) + 1  # the sync after the write
    size = log_path(tmp_path, 1).stat().st_size
    with pytest.raises(OSError, match="log-0000000001") as raised:
        writer.append([b"lost"])
    assert raised.value.errno == errno.EIO
    assert log_path(tmp_path, 1).stat().st_size == size
    made = len(calls.made)
    said = r"nothing more is written, since a write failed \(.*error\); what was not acknowledged was cut off; open the"
    for again in (lambda: writer.append([b"next"]), writer.flush, writer.rotate):
        with pytest.raises(LogStoppedError, match=said):
            again()
    assert len(calls.made) == made, "nothing was tried again"
    assert writer.durable == 1
    writer.close()
    assert read(tmp_path)[0] == [(1, b"kept")]


def test_what_could_not_be_cut_off_may_be_there_and_is_said_to_be(tmp_path: Path) -> None:
    calls = FaultyCalls()
    writer = LogWriter.create(tmp_path, IDENTITY, calls=calls)
    calls.at, calls.forever = len(calls.made) + 1, True
    with pytest.raises(OSError, match="log-0000000001"):
        writer.append([b"perhaps"])
    with pytest.raises(LogStoppedError, match="what was not acknowledged may be in it"):
        writer.append([b"next"])
    writer.close()
    assert read(tmp_path)[0] == [(1, b"perhaps")]


def test_every_thread_that_waits_learns_of_a_failure(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Failing(FaultyCalls):
        def write(self, descriptor: int, data: memoryview, offset: int) -> int:
            if offset == HEADER_BYTES:
                begun.set()
                assert go_on.wait(PATIENCE)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(descriptor, data, offset)

    writer = LogWriter.create(tmp_path, IDENTITY, calls=Failing())
    errors: list[BaseException] = []

    def write() -> None:
        try:
            writer.append([b"a"])
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(6)]
    threads[0].start()
    assert begun.wait(PATIENCE)
    for thread in threads[1:]:
        thread.start()
    while len(writer._queue) < 5:
        threading.Event().wait(0.001)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len({id(error) for error in errors}) == 6
    assert all(isinstance(error, OSError) and error.errno == errno.ENOSPC for error in errors)
    assert all(str(log_path(tmp_path, 1)) in str(error) for error in errors)
    writer.close()
    assert read(tmp_path)[0] == []


def test_a_file_that_cannot_be_begun_leaves_the_old_one_to_go_on(tmp_path: Path) -> None:
    calls = FaultyCalls(number=errno.ENOSPC)
    with LogWriter.create(tmp_path, IDENTITY, calls=calls) as writer:
        writer.append([b"one"])
        made = len(calls.made)
        for failing in range(5):  # remove, open, write, sync, rename
            calls.at = len(calls.made) + failing
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                writer.rotate()
        assert calls.made[-5:] == ["remove", "open", "write", "sync", "rename"]
        assert len(calls.made) == made + 15
        writer.append([b"two"])
        writer.rotate()
        writer.append([b"three"])
    assert read(tmp_path)[0] == [(1, b"one"), (2, b"two"), (3, b"three")]


def test_an_interrupted_write_stops_the_writer(tmp_path: Path) -> None:
    class Interrupted(FaultyCalls):
        def sync(self, descriptor: int) -> None:
            if "rename" in self.made:
                raise KeyboardInterrupt
            super().sync(descriptor)

    writer = LogWriter.create(tmp_path, IDENTITY, calls=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        writer.append([b"a"])
    with pytest.raises(LogStoppedError, match="KeyboardInterrupt"):
        writer.append([b"b"])
    writer.close()
    assert {number for number, _ in read(tmp_path)[0]} <= {1}


@pytest.mark.parametrize("seed", range(4))
def test_power_that_goes_at_any_call_takes_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    """Also after another call failed, and a second process went on from what the system's memory holds."""
    random = np.random.default_rng(seed)
    length = len(calls_of(work, tmp_path / "sound"))
    torn = 0
    for at, number in itertools.product(range(length), (errno.EIO, errno.ENOSPC)):
        folder, account = tmp_path / f"{at}-{number}", Account()
        folder.mkdir()
        disk = Disk(at, number, part=random.random(), forever=bool(random.integers(2)))
        with pytest.raises(OSError, match=os.strerror(number)):
            work(disk, folder, account)
        for session in range(2):
            image = folder / f"image-{session}"
            image.mkdir()
            disk.lose_power(image, random)
            if log_numbers(image):
                _, reader = read(image)
                torn += reader.torn is not None
                beyond = check(image, account)
                assert len(beyond) <= 2
                _, writer = reopen(image)
                writer.close()
            else:
                assert account.acknowledged == []
            if not log_numbers(folder):
                break
            # The process alone has ended: what it could not cut off is there now, and counts.
            disk.again()
            account.acknowledged = [payload for _, payload in read(folder)[0]]
            _, writer = reopen(folder, disk)
            with writer:
                account.append(writer, b"later")
                account.append(writer, b"and later")
    assert torn > 0


def test_a_forked_process_does_not_write(tmp_path: Path) -> None:
    with LogWriter.create(tmp_path, IDENTITY) as writer:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                writer.append([b"child"])
            except LogStoppedError as error:
                os.write(writing, str(error).encode())
            writer.close()
            os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading) as said:
            assert f"was opened by process {os.getpid()}" in said.read()
        writer.append([b"parent"])
    assert read(tmp_path)[0] == [(1, b"parent")]


def test_a_log_that_begins_elsewhere_is_not_overwritten(tmp_path: Path) -> None:
    with LogWriter.create(tmp_path, IDENTITY) as writer:
        log_path(tmp_path, 2).write_bytes(b"somebody's")
        with pytest.raises(OutputExistsError, match="log-0000000002 already exists"):
            writer.rotate()
    assert log_path(tmp_path, 2).read_bytes() == b"somebody's"

"""One writer a folder, who is named to the second."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lsr.core.errors import LsrError, OutputExistsError
from lsr.index.format.output import WRITER_LOCK
from lsr.index.live.lock import WriterLock

HOLD = """
import sys
from pathlib import Path
from lsr.index.live.lock import WriterLock
lock = WriterLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    with WriterLock(tmp_path) as lock:
        assert lock.held
        with pytest.raises(OutputExistsError, match=rf"this process \({os.getpid()}\) writes to this collection"):
            WriterLock(tmp_path)
    assert not lock.held
    with WriterLock(tmp_path):
        assert lock.held is False


@pytest.mark.process
def test_the_lock_of_a_process_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        said = f"process {process.pid} on '{socket.gethostname()}' writes to this collection, and one can at a time"
        with pytest.raises(OutputExistsError, match=said):
            WriterLock(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        WriterLock(tmp_path).release()


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff" * 10_000, b"[" * 4_000])
def test_whatever_the_file_says_the_lock_is_the_systems(tmp_path: Path, said: bytes) -> None:
    (tmp_path / WRITER_LOCK).write_bytes(said)
    with WriterLock(tmp_path):
        assert str(os.getpid()).encode() in (tmp_path / WRITER_LOCK).read_bytes()
    (tmp_path / WRITER_LOCK).write_bytes(said)
    descriptor = os.open(tmp_path / WRITER_LOCK, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(OutputExistsError, match="another process writes to this collection"):
        WriterLock(tmp_path)
    os.close(descriptor)
    WriterLock(tmp_path).release()


def test_a_forked_process_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent has tried
        os._exit(0 if not lock.held else 1)
    os.close(reading)
    lock.release()
    WriterLock(tmp_path).release()
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(LsrError, match="this file system has no locks, which keep two writers apart"):
        WriterLock(tmp_path)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / WRITER_LOCK).symlink_to("precious")
    with pytest.raises(OSError, match="symbolic links"):
        WriterLock(tmp_path)
    assert (tmp_path / "precious").read_text() == "precious"

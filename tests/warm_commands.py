"""`lsr` and `python` that run in forks of one process, which all workers of a run of tests share."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from patience import PATIENCE
from warm import USES

_SERVER = Path(__file__).with_name("warm.py")


@contextmanager
def shared_commands() -> Iterator[Path]:
    """A folder for PATH, with these two. The first worker that needs it makes it; all others use the same."""
    # A socket's path must be short, which pytest's folders are not everywhere.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
    folder = Path(tempfile.gettempdir()) / f"lsr-{run}"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with ExitStack() as stack:
            if _made(folder):
                stack.callback(shutil.rmtree, folder)
                stack.enter_context(_serving(folder))
            elif not stack.enter_context(_using(folder)):
                time.sleep(0.05)
                continue
            yield folder
            return
    raise AssertionError(f"what {folder} was made for never began")


def _made(folder: Path) -> bool:
    """Whether it was not there before."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


@contextmanager
def _serving(folder: Path) -> Iterator[None]:
    """Start the process, and end with it once the last worker does not need it any more."""
    asked = [shlex.quote(str(part)) for part in (sys.executable, "-SE", _SERVER, folder / "socket")]
    for name, arguments in (("lsr", 'lsr "$@"'), ("python", '"$@"')):
        path = folder / name
        path.write_text(f"#!/bin/sh\nexec {' '.join(asked)} run {arguments}\n", encoding="utf-8")
        path.chmod(0o755)
    # On busy cores a second thread makes everything slower, several times.
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "NUMBA", "MKL", "OPENBLAS", "RAYON")}
    command, pipe = [sys.executable, str(_SERVER), str(folder / "socket")], subprocess.PIPE
    with subprocess.Popen(command, env=os.environ | threads, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield


@contextmanager
def _using(folder: Path) -> Iterator[bool]:
    """Whether another worker's process runs and goes on to, until this ends."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(folder / "socket"))
            connection.sendall(USES)
            answer = connection.recv(len(USES))
        except OSError:
            answer = b""
        yield answer == USES

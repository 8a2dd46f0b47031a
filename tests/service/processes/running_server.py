"""A server of several processes, in tests."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from patience import PATIENCE

LSR = [sys.executable, "-c", "from lsr.cli.app import main; main()"]


class RunningServer:
    """A server of several processes, as a process of its own."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self.log = process, log
        self.url = ""

    def until_ready(self) -> None:
        def found() -> bool:
            told = re.search(r"http://127\.0\.0\.1:\d+", self.log.read_text())
            self.url = told[0] if told else ""
            return bool(told)

        until(found)
        until(lambda: answers(f"{self.url}/readyz"))

    def readers(self) -> list[int]:
        """The ids of the processes that read."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(id) for task in tasks for id in (task / "children").read_text().split()]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def running(root: Path, log: Path) -> Iterator[RunningServer]:
    with log.open("w") as stream:
        command = [*LSR, "serve", str(root), "--port", str(free_port()), "--workers", "2"]
        process = subprocess.Popen(command, stderr=stream, text=True)
    server = RunningServer(process, log)
    try:
        server.until_ready()
        yield server
    finally:
        process.kill()
        process.wait()

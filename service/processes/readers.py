"""The processes that read: started, watched over, and ended."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

logger = logging.getLogger("lsr.service")

# Seconds before a process that has ended is started again: doubled each time that it ends soon.
_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_SOON = 10.0


class Readers:
    """So many processes that read, each started again if it ends by itself.

    Each is told what to do in a line of JSON on its standard input, which stays open as long as this process lives: at
    its end a reader ends, too.

    Args:
        count: how many.
        order: what each is told, beside its number.
        listener: the socket that all of them listen on, which is closed here when they are ended.
    """

    def __init__(self, count: int, order: Mapping[str, Any], listener: socket.socket) -> None:
        self._order, self._listener = order, listener
        self._stopping = Event()
        self._changing = Lock()
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._threads = [Thread(target=self._keep, args=(number,), daemon=True) for number in range(count)]

    def start(self) -> None:
        """Start all of them."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """End them once they have answered what they accepted, or `timeout` seconds are over."""
        with self._changing:
            self._stopping.set()
            running = list(self._running.values())
        # As long as it is open here, connections that nobody takes would wait in its queue.
        self._listener.close()
        for process in running:
            process.terminate()
        end = monotonic() + timeout
        for process in running:
            try:
                process.wait(max(0.0, end - monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _keep(self, number: int) -> None:
        pause = _PAUSE
        while True:
            started = monotonic()
            with self._changing:
                if self._stopping.is_set():
                    return
                process = self._begin(number)
                if process is not None:
                    self._running[number] = process
            status = "it could not be started" if process is None else str(process.wait())
            # A signal of the terminal ends it together with this process, which is told in the same moment.
            if self._stopping.wait(_PAUSE):
                return
            pause = _PAUSE if monotonic() - started > _SOON else min(2 * pause, _LONGEST_PAUSE)
            logger.error("process %d of those that read has ended (%s); another starts in %g s", number, status, pause)
            if self._stopping.wait(pause):
                return

    def _begin(self, number: int) -> subprocess.Popen[str] | None:
        """Start one; None if the system has no room for it now."""
        listener = self._listener.fileno()
        command = [sys.executable, "-m", "lsr.service.processes.reader"]
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, pass_fds=[listener])
        except OSError as error:
            logger.error("a process that reads cannot be started: %s", error)
            return None
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which is seen when it is waited for
            process.stdin.write(json.dumps({**self._order, "listener": listener, "number": number}) + "\n")
            process.stdin.flush()
        return process

"""`lsr serve` in a process of its own, which may be killed, and a client of it: for tests and benchmarks."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

SERVE = ("-c", "from lsr.cli.app import main; main()", "serve")
NDJSON = "application/x-ndjson"
STOPPED = 143
"""The exit code of one that was told to stop: 128 and the number of SIGTERM."""
_TRIES, _PATIENCE = 0.02, 600


class Answered(NamedTuple):
    """An answer: its status, its JSON value (None for none), and its headers."""

    status: int
    value: Any
    headers: Mapping[str, str]


@dataclass
class ServerProcess:
    """A server, and where it listens and logs."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", timeout: float = _PATIENCE) -> Answered:
        """Ask on a new connection; `body`: bytes are lines of documents, all else is sent as JSON. Raises OSError and
        HTTPException where no whole answer comes.
        """
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            headers["Content-Type"] = NDJSON if isinstance(body, bytes) else "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as client:
            client.request(method, path, body, headers)
            answer = client.getresponse()
            content = answer.read()
            return Answered(answer.status, json.loads(content) if content else None, dict(answer.getheaders()))

    def kill(self) -> None:
        """End it at once, as a loss of power would."""
        self.process.kill()
        self.process.wait(_PATIENCE)

    def stop(self) -> int:
        """End it as a system does that shuts down; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE)

    def finished(self, job: Mapping[str, Any], *, key: str = "") -> dict[str, Any]:
        """A job once it is over."""
        while True:
            found: dict[str, Any] = self.call("GET", f"/v1/jobs/{job['id']}", key=key).value
            if found["status"] not in ("queued", "running"):
                return found
            time.sleep(_TRIES)


@contextmanager
def serving(root: Path, log: Path, **environment: str) -> Iterator[ServerProcess]:
    """A server of a folder, once it is ready, killed at the end if it still runs. `environment`: settings, say."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, *SERVE, str(root), "--port", str(port)],
            stderr=stream,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "LSR_LOG_FORMAT": "off", **environment},
        )
    server = ServerProcess(process, port, log)
    try:
        while not _is_ready(server):
            if process.poll() is not None:
                raise AssertionError(f"the server ended: {tail(log)}")
            time.sleep(_TRIES)
        yield server
    finally:
        if process.poll() is None:
            server.kill()


def tail(log: Path) -> str:
    """The end of a log."""
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _is_ready(server: ServerProcess) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return server.call("GET", "/readyz").status == 200
    return False

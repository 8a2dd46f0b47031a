"""Servers in processes of their own, and requests of the generator to them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from lsr.core.errors import LsrError

_HERE = Path(__file__).parent
_LSR = ("-c", "from lsr.cli.app import main; main()")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
        return port


def commands(root: Path) -> dict[str, list[str]]:
    """How the service is started, by the name of the server that runs it; PORT and WORKERS stand for numbers."""
    return {
        "uvicorn": [*_LSR, "serve", str(root), "--port", "PORT"],
        "granian": [str(_HERE / "granian_server.py"), str(root), "PORT", "WORKERS"],
    }


@contextmanager
def running(command: list[str], workers: int, settings: Mapping[str, Any] | None = None) -> Iterator[int]:
    """A server that is ready, and its port."""
    port = free_port()
    numbers = {"PORT": str(port), "WORKERS": str(workers)}
    given = {f"LSR_{name.upper()}": str(value) for name, value in (settings or {}).items()}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *(numbers.get(word, word) for word in command)],
            env=os.environ | given,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while status_of(port) != 200:
                if process.poll() is not None:
                    log.seek(0)
                    raise LsrError(f"the server ended: {log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.1)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def status_of(port: int, path: str = "/readyz") -> int | None:
    """The status of an answer; None if there is none."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client, suppress(OSError):
        client.request("GET", path)
        return client.getresponse().status
    return None


def posted(port: int, path: str, body: bytes, kind: str = "application/json") -> dict[str, Any]:
    """The answer to a request. LsrError if it is none of success."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as client:
        client.request("POST", path, body, {"Content-Type": kind})
        answer = client.getresponse()
        told = answer.read()
        if answer.status >= 300:
            raise LsrError(f"POST {path} was answered with {answer.status}: {told[:500]!r}")
        read: dict[str, Any] = json.loads(told)
        return read | {"bytes": len(told)}


def load(port: int, requests: Path, path: str, connections: int, seconds: float) -> dict[str, Any]:
    """What the generator, in a process of its own, finds: see there."""
    options = ["--path", path, "--connections", str(connections), "--seconds", str(seconds)]
    command = [sys.executable, str(_HERE / "generator.py"), str(port), str(requests), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise LsrError(f"the generator ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def milvus_server(folder: Path) -> Iterator[int]:
    """`milvus-lite server` of a folder that listens, and its port."""
    port = free_port()
    words = ["server", "--data-dir", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    command = ["-c", "from milvus_lite.cmdline import main; main()", *words]
    with _listening(command, port, stdout=subprocess.DEVNULL):
        yield port


def milvus(port: int, *words: object) -> dict[str, Any]:
    """What a client of that server finds, in a process of its own: see there."""
    command = [sys.executable, str(_HERE / "milvus_client.py"), str(port), *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise LsrError(f"the client of milvus-lite ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def trivial(size: int) -> Iterator[int]:
    """A server that answers everything with so many bytes, and its port."""
    port = free_port()
    with _listening([str(_HERE / "generator.py"), str(port), "--answer", str(size)], port):
        yield port


@contextmanager
def _listening(command: list[str], port: int, stdout: int | None = None) -> Iterator[None]:
    """A process of Python, from when it listens there."""
    process = subprocess.Popen([sys.executable, *command], stdout=stdout)
    try:
        while True:
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=10)):
                break
            if process.poll() is not None:
                raise LsrError(f"a server ended with {process.returncode} before it listened")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()

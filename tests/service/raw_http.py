"""A real server over a fake, and clients that write bytes."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fake_searcher import FakeSearcher
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app
from lsr.service.keys.store import KeyStore
from lsr.service.listening.server import Server
from lsr.service.server import _listen

SEARCH = b'{"text": "date"}'


def until(condition: Callable[[], object]) -> None:
    """Wait for a state."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@contextmanager
def running(
    served: FakeSearcher | Path, settings: ServiceSettings, keys: KeyStore | None = None
) -> Iterator[tuple[Server, int]]:
    """A warm server on a free port, and the port."""
    app = create_app(served, settings, keys=keys)
    with _listen("127.0.0.1", 0) as listener:
        server = Server(app, settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        port = listener.getsockname()[1]
        try:
            assert ask(port) == 200
            app.state.service.warm_up.join(PATIENCE)
            yield server, port
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()


def ask(port: int, path: str = "/healthz") -> int:
    """The status that a client gets who does all as it should."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def connect(port: int, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(sent)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    received = bytearray()
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass  # the other side left something of ours unread
    return bytes(received)


class Answer(NamedTuple):
    status: int
    body: Any


def answers(received: bytes) -> list[Answer]:
    """The answers one after another on a connection, read by their lengths."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        assert status, received
        size = int(length[1]) if length else 0
        found.append(Answer(int(status[1]), json.loads(rest[:size]) if size else None))
        received = rest[size:]
    return found


def exchange(port: int, sent: bytes) -> list[Answer]:
    """The answers to some bytes, until the server closes the connection; no problem of them lacks a reason."""
    with connect(port, sent) as connection:
        found = answers(read_all(connection))
    assert all(answer.body["detail"] for answer in found if answer.status >= 400)
    return found

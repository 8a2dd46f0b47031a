"""A server that does as it is told: answers, drops the connection, or asks to wait."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is sent back."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012


DROP = "the connection is closed without an answer"


@dataclass
class Script:
    """What the server does with one request after another; the last goes on for good.

    Attributes:
        url: of the server.
        asked: the requests that came, in their order.
    """

    steps: list[Any]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def next(self, asked: Asked) -> Any:
        """What to do with this request."""
        self.asked.append(asked)
        step = self.steps[min(len(self.asked), len(self.steps)) - 1]
        return step(asked) if callable(step) else step


@contextmanager
def scripted(*steps: Answer | str | Callable[[Asked], Answer]) -> Iterator[Script]:
    """Serve by a script: an `Answer`, a function that makes one, or DROP, for each request."""
    script = Script(list(steps))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            step = script.next(Asked(self.command, self.path, dict(self.headers), body))
            if step == DROP:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            content = b"" if step.body is None else json.dumps(step.body).encode()
            self.send_response(step.status)
            for name, value in {"Content-Type": "application/json", **step.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do

        def log_message(self, *_: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Stopping a server under load (SIGTERM): whatever was sent before gets its whole answer."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from contextlib import closing
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

from server_process import NDJSON, STOPPED, ServerProcess, serving, tail

_CLIENTS, _PATIENCE = 8, 600
PATH = "/v1/collections/birds"


class Stopped(NamedTuple):
    """How many requests were sent before the signal and were not answered by then, and what was wrong."""

    sent: int
    problems: list[str]


class _Client:
    """One that asks on a kept connection or on new ones, until the server is gone.

    Attributes:
        sent: when the last request had been sent, and whether its whole answer came.
        written: ids of documents that were acknowledged.
    """

    def __init__(self, name: str, port: int, *, keeps: bool) -> None:
        self._name, self._port, self._keeps = name, port, keeps
        self._random = random.Random(name)
        self.sent = 0.0
        self.answered = True
        self.problem = ""
        self.written: list[str] = []

    def run(self) -> None:
        connection: socket.socket | None = None
        try:
            while True:
                if connection is None:
                    connection = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE)
                self._ask(connection)
                if not self._keeps or self.closes:
                    connection.close()
                    connection = None
        except (OSError, HTTPException, ValueError) as error:
            self.problem = repr(error)
        finally:
            if connection is not None:
                connection.close()

    def _ask(self, connection: socket.socket) -> None:
        id = f"{self._name}-{len(self.written)}"
        if self._random.random() < 0.5:
            body = json.dumps({"_id": id, "text": "bird " * 200}) + "\n"
            head = f"POST {PATH}/documents HTTP/1.1\r\nContent-Type: {NDJSON}\r\nContent-Length: {len(body)}\r\n"
        else:
            id, body, head = "", "", f"GET {PATH}/search?q=bird HTTP/1.1\r\n"
        connection.sendall(f"{head}Host: localhost\r\n\r\n{body}".encode())
        self.answered, self.sent = False, time.monotonic()
        with closing(HTTPResponse(connection)) as answer:
            answer.begin()
            value: Any = json.loads(answer.read())
            self.closes = answer.will_close
        self.answered = True
        if answer.status != 200:
            raise ValueError(f"{answer.status}: {value}")
        if id:
            self.written.append(id)


def stop_once(root: Path, log: Path, seed: int) -> Stopped:
    """Stop a server, which begins with an empty collection of its own, while clients ask; what went wrong."""
    root.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    with serving(root, log) as server:
        if server.call("GET", PATH).status == 404:
            assert server.call("POST", "/v1/collections", {"name": "birds", "model": "bm25"}).status == 201
        clients = [_Client(f"{seed}-{n}", server.port, keeps=n % 2 == 0) for n in range(_CLIENTS)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        enough = chance.randrange(20, 120)
        while sum(len(client.written) for client in clients) < enough:
            time.sleep(0.001)
        signalled = time.monotonic()
        code = server.stop()
        for thread in threads:
            thread.join()
    waiting = [client for client in clients if client.sent < signalled]
    problems = [f"sent {signalled - each.sent:.6f} s before: {each.problem}" for each in waiting if not each.answered]
    if code != STOPPED:
        problems.append(f"the server ended with {code}: {tail(log)}")
    with serving(root, log) as server:
        problems += [f"{id} was acknowledged" for each in clients for id in each.written if not _is_there(server, id)]
        server.stop()
    return Stopped(sum(len(client.written) for client in clients), problems)


def _is_there(server: ServerProcess, id: str) -> bool:
    return server.call("GET", f"{PATH}/documents/{id}").status == 200

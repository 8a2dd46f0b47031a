"""Clients that are slow, silent or many, each ended by a state: the server has closed, or has answered."""

from __future__ import annotations

import asyncio
import errno
import http.client
import logging
import socket
import threading
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from patience import PATIENCE
from raw_http import answers, ask, connect, exchange, read_all, running, until

from lsr.core.documents import Document
from lsr.service import ServiceSettings
from lsr.service.http import listener as listening
from lsr.service.http.connections import ConnectionLimits, Connections
from lsr.service.http.listener import Listener, connections_allowed
from lsr.service.http.log_limit import LogLimit
from lsr.service.listening import server as serving

QUICK = ServiceSettings(head_timeout=0.2, keep_alive_timeout=0.2, request_timeout=0.2)
# Nothing is closed for being slow: what is closed gave way.
PATIENT = {"head_timeout": PATIENCE, "keep_alive_timeout": PATIENCE, "request_timeout": PATIENCE}

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
UNKNOWN = POST.replace(b"/v1/search", b"/nothing")


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (b"", []),
        (b"G", [408]),
        (GET, [408]),
        (GET + b"X: ", [408]),
        (GET + b"\r\n", [200]),
        (GET + b"\r\n" + GET, [200]),
        (GET + b"Content-Length: 9\r\n\r\n{", [200]),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n1\r\n", [200]),
        (UNKNOWN + b"Content-Length: 9\r\n\r\n{", [404]),
        (POST + b"Content-Length: 9\r\n\r\n", [408]),
        (POST + b"Content-Length: 9\r\n\r\n{", [408]),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", [408]),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{", [408]),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n", [408]),
        (POST + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n", [100, 408]),
    ],
)
def test_what_is_sent_in_part_is_answered_and_closed(sent: bytes, statuses: list[int]) -> None:
    with running(FakeSearcher(), QUICK) as (_, port):
        assert [answer.status for answer in exchange(port, sent)] == statuses


@pytest.mark.parametrize(
    "sent", [GET + b"X: ", POST + b"Content-Length: 1000000\r\n\r\n", UNKNOWN + b"Content-Length: 1000000\r\n\r\n"]
)
def test_a_byte_now_and_then_does_not_keep_a_connection_open(sent: bytes) -> None:
    with running(FakeSearcher(), QUICK) as (server, port), connect(port, sent) as connection:
        until(lambda: server.server_state.connections)

        def one_more_byte() -> bool:
            try:
                connection.sendall(b"x")
            except OSError:
                return True
            return not server.server_state.connections

        until(one_more_byte)


def test_an_idle_connection_is_closed_after_each_kind_of_wait() -> None:
    with running(FakeSearcher(), QUICK) as (_, port), connect(port, GET + b"\r\n") as connection:
        first = connection.recv(65536)
        connection.sendall(GET)
        # The second head is never finished; uvicorn's timer for idle connections ended with its first byte.
        assert [answer.status for answer in answers(first + read_all(connection))] == [200, 408]


class _Long(FakeSearcher):
    """Has a document that no kernel's buffer holds."""

    def __init__(self) -> None:
        super().__init__()
        self.index = _LongIndex()  # type: ignore[assignment]


class _LongIndex:
    encoder = None

    def __init__(self) -> None:
        self.documents = self

    def __len__(self) -> int:
        return 1

    @property
    def parts(self) -> tuple[str, ...]:
        return ()

    def get(self, id: str) -> Document:
        return Document(id, "x" * (1 << 25))


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_a_client_that_does_not_take_its_answer_is_cut_off(close: bytes, caplog: pytest.LogCaptureFixture) -> None:
    settings = ServiceSettings(head_timeout=0.2, keep_alive_timeout=0.2, request_timeout=0.5)
    with running(_Long(), settings) as (server, port):
        request = b"GET /v1/documents/long HTTP/1.1\r\nHost: localhost\r\n" + close + b"\r\n"
        with caplog.at_level(logging.WARNING, "lsr.service"), connect(port, request):
            until(lambda: "does not take its answer" in caplog.text)
            until(lambda: not server.server_state.connections)


def test_a_client_that_takes_its_answer_slowly_gets_all_of_it() -> None:
    settings = ServiceSettings(head_timeout=0.2, keep_alive_timeout=0.05, request_timeout=5)
    with running(_Long(), settings) as (_, port):
        request = b"GET /v1/documents/long HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with connect(port, request) as connection:
            (answer,) = answers(read_all(connection))
    assert len(answer.body["text"]) == 1 << 25


def test_the_connection_that_has_waited_longest_gives_way() -> None:
    with running(FakeSearcher(), ServiceSettings(max_connections=4, **PATIENT)) as (server, port):
        started: list[bytes] = [b"", GET, POST + b"Content-Length: 9\r\n\r\n{", GET + b"\r\n"]
        slow = []
        for i, sent in enumerate(started):
            slow.append(connect(port, sent))
            until(lambda i=i: len(server.server_state.connections) == i + 1)
        assert slow[3].recv(65536).startswith(b"HTTP/1.1 200 ")
        for i in range(4):
            slow.append(connect(port, GET))
            assert b"HTTP" not in read_all(slow[i])
        slow.extend(connect(port, GET) for _ in range(50))
        assert ask(port) == 200
        assert len(server.server_state.connections) <= 5
        for connection in slow:
            connection.close()


def test_requests_at_work_do_not_give_way_and_others_wait_for_them() -> None:
    gate, waiting = threading.Event(), threading.Semaphore(0)

    def search(text: str) -> None:
        waiting.release()
        assert gate.wait(PATIENCE)

    settings = ServiceSettings(max_connections=2, search_threads=2, **PATIENT)
    with running(FakeSearcher(search), settings) as (server, port):
        clients = [http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE) for _ in range(6)]
        for client in clients:
            client.request("GET", "/v1/search?q=date", headers={"Connection": "close"})
        for _ in range(2):
            assert waiting.acquire(timeout=PATIENCE)
        assert len(server.server_state.connections) == 2
        gate.set()
        assert [client.getresponse().status for client in clients] == [200] * 6


def test_an_answer_is_not_held_back_until_its_head_is_acknowledged() -> None:
    with running(FakeSearcher(), ServiceSettings(**PATIENT)) as (server, port), connect(port):
        until(lambda: server.server_state.connections)
        (connection,) = server.server_state.connections
        taken = connection.transport.get_extra_info("socket")
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_deadlines_hold_where_connections_are_not_ours_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_HAS_READERS", False)
    with running(FakeSearcher(), QUICK) as (_, port):
        assert [answer.status for answer in exchange(port, GET)] == [408]
        assert ask(port, "/v1/search?q=date") == 200


class _Exhausted:
    """A listening socket of a process that is out of descriptors for its first few tries."""

    def __init__(self, real: socket.socket, failures: int) -> None:
        self._real = real
        self._failures = failures
        self.tries = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def accept(self) -> tuple[socket.socket, Any]:
        self.tries += 1
        if self.tries <= self._failures:
            raise OSError(errno.EMFILE, "Too many open files")
        return self._real.accept()


def test_a_system_without_descriptors_is_asked_again_after_a_pause(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_PAUSE", 0.01)

    async def scenario() -> int:
        arrived = asyncio.Event()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                transport.close()
                arrived.set()

        with socket.create_server(("127.0.0.1", 0)) as real:
            exhausted = _Exhausted(real, 3)
            connections = Connections(ConnectionLimits(10, 1000, 1000, 1.0, 1.0, 1000))
            listener = Listener(exhausted, connections, Protocol)  # type: ignore[arg-type]
            with socket.create_connection(real.getsockname()):
                await asyncio.wait_for(arrived.wait(), PATIENCE)
            listener.close()
            await listener.wait_closed()
            return exhausted.tries

    with caplog.at_level(logging.WARNING):
        # Three that failed, one that did not, and one that found no more.
        assert asyncio.run(scenario()) == 5
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    assert "Too many open files" in caplog.text


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "raised"),
    [
        (256, 256, 256 - 50 - 64, 256),
        (64, 64, 1, 64),  # 50 are in use
        (128, 128, 128 - 50 - 32, 128),
        (1024, 1024, 512, 1024),
        (256, 1 << 20, 512, 512 + 50 + 64),
        (256, 400, 400 - 50 - 64, 400),
        (256, -1, 512, 512 + 50 + 64),
        (-1, -1, 512, -1),
    ],
)
def test_connections_leave_descriptors_for_files(
    soft: int, hard: int, allowed: int, raised: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [soft, hard]
    monkeypatch.setattr(listening.resource, "getrlimit", lambda kind: tuple(limits))
    monkeypatch.setattr(listening.resource, "setrlimit", lambda kind, given: limits.__setitem__(slice(None), given))
    monkeypatch.setattr(listening, "_open_descriptors", lambda: 50)
    assert connections_allowed(512) == allowed
    assert limits == [raised, hard]
    assert connections_allowed(1) == 1


def test_the_bodies_of_all_connections_together_are_bounded() -> None:
    with running(FakeSearcher(), ServiceSettings(max_body_bytes=1000, **PATIENT)) as (server, port):
        half = POST + b"Content-Length: 999\r\n\r\n" + b" " * 900
        slow = [connect(port, half) for _ in range(400)]
        assert b"HTTP" not in read_all(slow[0])
        assert ask(port) == 200
        # What is held is at most 128 times the largest body.
        until(lambda: len(server.server_state.connections) <= 128 * 1000 // len(half) + 1)
        for connection in slow:
            connection.close()


def test_a_log_says_the_same_no_more_than_a_few_times() -> None:
    now = 0.0
    limit = LogLimit(burst=2, seconds=10, clock=lambda: now)
    said: list[str] = []

    def log(name: str, message: str, *values: object) -> None:
        record = logging.LogRecord(name, logging.WARNING, "", 0, message, values, None)
        if limit.filter(record):
            said.append(record.getMessage())

    for i in range(100):
        log("lsr.service", "refused %d", i)
    log("lsr.service", "another")
    assert said == ["refused 0", "refused 1", "another"]
    now = 11.0
    log("lsr.service", "refused %d", 100)
    log("lsr.service", "refused %d", 101)
    assert said[3:] == ["refused 100 (98 more like it were not logged)", "refused 101"]
    for i in range(5):
        log("lsr.service.requests", "GET /%d", i)
    assert len(said) == 10

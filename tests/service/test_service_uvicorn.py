"""A real server on a free port: what only a socket shows."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from fake_searcher import FakeSearcher
from patience import PATIENCE
from raw_http import connect, read_all, running

from lsr.core.errors import IndexFormatError, LsrError
from lsr.service import ServiceSettings, serve
from lsr.service.server import _listen


def test_chunked_body_is_cut_off_at_the_limit() -> None:
    with running(FakeSearcher(), ServiceSettings(max_body_bytes=10_000)) as (_, port):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(
                b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            for _ in range(11):
                connection.sendall(b"3e8\r\n" + b" " * 1000 + b"\r\n")
            # The body never ends; the answer comes all the same, and the connection is closed after it.
            head, body = read_all(connection).split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 413 ")
        assert json.loads(body)["status"] == 413


def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    with running(FakeSearcher(), ServiceSettings(request_timeout=0.1)) as (_, port):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(
                b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            head, body = read_all(connection).split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 408 ")
        assert json.loads(body)["status"] == 408


def test_hanging_up_while_queued_drops_the_search(caplog: pytest.LogCaptureFixture) -> None:
    gate, begun = threading.Event(), threading.Event()

    def search(text: str) -> None:
        begun.set()
        assert gate.wait(PATIENCE)

    searcher = FakeSearcher(search)
    settings = ServiceSettings(search_threads=1, queue=1)
    with caplog.at_level(logging.INFO, "lsr.service.requests"), running(searcher, settings) as (_, port):
        stays = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        stays.request("GET", "/v1/search?q=stays")
        assert begun.wait(PATIENCE)
        leaves = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        leaves.request("GET", "/v1/search?q=leaves")
        leaves.close()
        deadline = time.monotonic() + PATIENCE
        while "GET /v1/search 499" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.005)
        gate.set()
        assert stays.getresponse().status == 200
    assert "GET /v1/search 499" in caplog.text
    assert searcher.searched == ["stays"]


def test_stopping_lets_requests_under_way_finish() -> None:
    gate, begun = threading.Event(), threading.Event()

    def search(text: str) -> None:
        begun.set()
        assert gate.wait(PATIENCE)

    with running(FakeSearcher(search), ServiceSettings(search_threads=1)) as (server, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "/v1/search?q=date")
        assert begun.wait(PATIENCE)
        server.should_exit = True
        # The listener is closed first: when nobody can come in any more, the stop has begun.
        deadline = time.monotonic() + PATIENCE
        while server.servers and time.monotonic() < deadline and server.servers[0].is_serving():
            time.sleep(0.005)
        assert not server.servers[0].is_serving()
        gate.set()
        response = connection.getresponse()
        assert response.status == 200
        assert json.loads(response.read())["hits"][0]["id"] == "datetime/strptime"


def test_what_came_before_the_stop_is_answered() -> None:
    """On a connection that is kept, and on some that nobody has taken yet."""
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    busy, free = threading.Event(), threading.Event()

    with running(FakeSearcher(), ServiceSettings()) as (server, port), ExitStack() as opened:

        def stop() -> None:
            busy.set()
            assert free.wait(PATIENCE)
            # What uvicorn does first, before the loop has another turn.
            server.servers[0].close()
            for connection in list(server.server_state.connections):
                connection.shutdown()

        kept = opened.enter_context(connect(port, request))
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
        server.servers[0].get_loop().call_soon_threadsafe(stop)
        assert busy.wait(PATIENCE)
        kept.sendall(request)
        asked = [kept, *(opened.enter_context(connect(port, request)) for _ in range(20))]
        free.set()
        server.should_exit = True
        assert [b"HTTP/1.1 200 " in read_all(each) for each in asked] == [True] * 21


def test_a_port_in_use_is_an_error_of_one_line() -> None:
    with _listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(LsrError, match=rf"cannot listen on 127\.0\.0\.1, port {port}: .*; choose another host"):
            _listen("127.0.0.1", port)


def test_an_index_that_is_not_there_is_refused_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError):
        serve(tmp_path / "nothing", port=0)

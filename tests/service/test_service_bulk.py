"""Bodies of documents as a real server takes them: larger than others may be, in pieces, and cut off."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE
from raw_http import connect, read_all, running, until

from lsr.collection.collection import Collection
from lsr.service import ServiceSettings, create_app
from lsr.service.listening.server import Server
from lsr.service.server import _listen

LINE = json.dumps({"_id": "NUMBER", "text": "word " * 40}).encode() + b"\n"
PATH = "/v1/collections/words/documents"
HEADERS = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a server that takes 20,000 bytes in a body, and 400,000 of documents."""
    Collection.create(tmp_path / "words", model="bm25").close()
    settings = ServiceSettings(search_threads=2, max_body_bytes=20_000, max_bulk_bytes=400_000, log_format="off")
    app = create_app(tmp_path, settings)
    with _listen("127.0.0.1", 0) as listener:
        server = Server(app, settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()
    # The server has let go of the collection.
    Collection.open(tmp_path / "words").close()


def lines(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield LINE.replace(b"NUMBER", f"n{number}".encode())


def ask(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=not isinstance(body, bytes | None))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def count(port: int) -> int:
    status, answer = ask(port, "POST", "/v1/collections/words/count", b"{}", {"Content-Type": "application/json"})
    # Until the warm-up is over there is none.
    return int(answer["count"]) if status == 200 else 0


def test_documents_may_be_more_than_any_other_body(port: int) -> None:
    whole = b"".join(lines(1000))
    assert 20_000 < len(whole) < 400_000
    status, answer = ask(port, "POST", PATH, whole, HEADERS)
    assert (status, answer["created"], len(answer["results"])) == (200, 1000, 1000)
    # Chunked, in pieces that end anywhere.
    pieces = (whole[at : at + 7001] for at in range(0, len(whole), 7001))
    status, answer = ask(port, "POST", PATH, pieces, {**HEADERS, "Transfer-Encoding": "chunked"})
    assert (status, answer["replaced"]) == (200, 1000)
    refused = connect(port, f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400001\r\n\r\n".encode())
    assert b" 413 " in read_all(refused)
    status, answer = ask(port, "POST", "/v1/collections/words/search", whole, {"Content-Type": "application/json"})
    assert status == 413


def test_a_client_that_goes_away_leaves_whole_documents(port: int) -> None:
    body = b"".join(lines(700))
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
    sent = connect(port, f"{head}Content-Length: {len(body) + 1000}\r\n\r\n".encode() + body + b'{"_id": "half", "te')
    deadline = time.monotonic() + PATIENCE
    while count(port) < 512:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    sent.close()
    # What had come as whole batches is there, and no part of a document.
    assert count(port) == 512
    assert ask(port, "GET", f"{PATH}/half")[0] == 404
    status, answer = ask(port, "POST", PATH, body, HEADERS)
    assert (status, answer["created"], answer["replaced"]) == (200, 188, 512)


def test_what_is_told_of_a_body_has_a_bound(port: int) -> None:
    status, told = ask(port, "POST", PATH, LINE + b"1\n" * 50_000, HEADERS)
    assert status == 413 and "send fewer; 1 documents of this body were written before" in told["detail"]
    assert ask(port, "GET", f"{PATH}/NUMBER")[0] == 200


def test_a_client_that_never_takes_a_long_answer_is_cut_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Collection.create(tmp_path / "words", model="bm25").close()
    settings = ServiceSettings(max_body_bytes=20_000, request_timeout=0.5)
    # What is told of them is longer than what is kept of an answer on its way.
    body = LINE + b"1\n" * 100_000
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
    with running(tmp_path, settings) as (server, port), caplog.at_level(logging.WARNING, "lsr.service"):
        with connect(port, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body):
            until(lambda: "does not take its answer" in caplog.text)
            until(lambda: not server.server_state.connections)
        assert ask(port, "GET", f"{PATH}/NUMBER")[0] == 200

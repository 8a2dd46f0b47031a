"""What is read as a request, and who may send it: tables of bytes and the statuses that answer them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from fake_searcher import FakeSearcher
from raw_http import SEARCH, answers, connect, exchange, read_all, running

from lsr.service import ServiceSettings


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that closes what is idle at once, so that every exchange ends."""
    settings = ServiceSettings(
        keep_alive_timeout=0.2,
        head_timeout=0.2,
        request_timeout=2,
        max_head_bytes=2000,
        max_body_bytes=5000,
        search_threads=2,
    )
    with running(FakeSearcher(), settings) as (_, port):
        yield port


def get(*headers: str, version: str = "1.1", path: str = "/healthz") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/{version}", *headers, "", ""]).encode("latin-1")


def post(*headers: str, body: bytes = SEARCH, version: str = "1.1") -> bytes:
    lines = [f"POST /v1/search HTTP/{version}", "Host: localhost", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


NEXT = get("Host: localhost")
LENGTH = f"Content-Length: {len(SEARCH)}"
CHUNKED = b"10\r\n" + SEARCH + b"\r\n0\r\n\r\n"


# -- hosts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:1", "localhost.:8080", "localhost:", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:80",
     "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"],
)  # fmt: skip
def test_local_hosts_are_answered(port: int, host: str) -> None:
    assert [answer.status for answer in exchange(port, get(f"Host: {host}"))] == [200]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost", "0.0.0.0",
     "127.1", "2130706433", "10.0.0.1", "[::2]", "xn--lcalhost-2ya", "local_host", "localhost-"],
)  # fmt: skip
def test_other_hosts_are_refused_and_told_why(port: int, host: str) -> None:
    for request in (get(f"Host: {host}"), get(f"Host: {host}", version="1.0")):
        (answer,) = exchange(port, request)
        assert answer.status == 421
        assert "allow_hosts" in answer.body["detail"]


@pytest.mark.parametrize(
    "host",
    ["", " ", "user@localhost", "localhost,evil.example", "localhost evil.example", "localhost/x", "localhost#x",
     "localhost?x", "localhost:80:80", "localhost:x", "localhost:123456", "::1", "[::1", "[::1]x", "[evil]",
     "[::1%25lo]", "%6cocalhost", "l\xf6calhost", ".localhost", "http://localhost", "a" * 300],
)  # fmt: skip
def test_what_is_no_host_is_refused(port: int, host: str) -> None:
    assert [answer.status for answer in exchange(port, get(f"Host: {host}"))] == [400]


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (get(), [400]),
        (get("Host: localhost", "Host: localhost"), [400]),
        (get("Host: localhost", "Host: evil.example"), [400]),
        # HTTP/1.0 knows no Host.
        (get(version="1.0"), [200]),
        # What is in the target is no path of ours, whatever the header says.
        (get("Host: localhost", path="http://evil.example/v1/index"), [404]),
    ],
)
def test_hosts_that_are_missing_or_two(port: int, request_: bytes, statuses: list[int]) -> None:
    assert [answer.status for answer in exchange(port, request_)] == statuses


def test_forwarded_hosts_are_not_believed(port: int) -> None:
    forwarded = ["X-Forwarded-Host: localhost", "Forwarded: host=localhost", "X-Forwarded-Proto: https"]
    assert [answer.status for answer in exchange(port, get("Host: evil.example", *forwarded))] == [421]


# -- framing ---------------------------------------------------------------------------------------------------------

AMBIGUOUS = {
    "length beside encoding": post(LENGTH, "Transfer-Encoding: chunked", body=CHUNKED),
    "encoding beside length": post("Transfer-Encoding: chunked", LENGTH, body=CHUNKED),
    "length 0 beside encoding": post("Content-Length: 0", "Transfer-Encoding: chunked", body=CHUNKED),
    "two lengths": post(LENGTH, "Content-Length: 3"),
    "equal lengths": post(LENGTH, LENGTH),
    "a list of lengths": post(f"{LENGTH}, {len(SEARCH)}"),
    "a signed length": post(f"Content-Length: +{len(SEARCH)}"),
    "a negative length": post("Content-Length: -1"),
    "a hexadecimal length": post("Content-Length: 0x10"),
    "an empty length": post("Content-Length:"),
    "a length of 19 digits": post("Content-Length: " + "9" * 19),
    "a length of 1,500 digits": post("Content-Length: " + "9" * 1500),
    "two encodings": post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKED),
    "an encoding and identity": post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=CHUNKED),
    "a list of encodings": post("Transfer-Encoding: chunked, chunked", body=CHUNKED),
    "gzip": post("Transfer-Encoding: gzip, chunked", body=CHUNKED),
    "an unknown encoding": post("Transfer-Encoding: xchunked", body=CHUNKED),
    "an encoding behind a control character": post("Transfer-Encoding: \x0bchunked", body=CHUNKED),
    "a space before the colon": post("Transfer-Encoding : chunked", body=CHUNKED),
    "an encoding in a folded line": post("X: a", " Transfer-Encoding: chunked", body=CHUNKED),
    "an encoding in HTTP/1.0": post("Transfer-Encoding: chunked", body=CHUNKED, version="1.0"),
    "a folded header": get("Host: localhost", "X: a", "\tb"),
    "a folded first header": get(" X: a", "Host: localhost"),
    "bare line feeds": get("Host: localhost").replace(b"\r\n", b"\n"),
    "one bare line feed": get("Host: localhost\nX: a"),
    "a bare line feed at the end": get("Host: localhost")[:-2] + b"\n",
    "a bare carriage return": get("Host: localhost\rX: a"),
    "a zero byte": get("Host: localhost", "X: a\x00b"),
    "no name": get("Host: localhost", ": a"),
    "a name with a space": get("Host: localhost", "X Y: a"),
    "no version": b"GET /healthz\r\nHost: localhost\r\n\r\n",
    "HTTP/2.0": get("Host: localhost", version="2.0"),
    "HTTP/0.9": get("Host: localhost", version="0.9"),
    "HTTP/11.1": get("Host: localhost", version="11.1"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "two spaces": b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a space in the path": get("Host: localhost", path="/healthz /x"),
    "a path that is not ASCII": get("Host: localhost", path="/v1/documents/\xff"),
    "an empty line first": b"\n" + NEXT,
    "a chunk's size that is no number": post("Transfer-Encoding: chunked", body=b"zz\r\n" + CHUNKED),
    "a negative chunk": post("Transfer-Encoding: chunked", body=b"-1\r\n" + CHUNKED),
    "a chunk of 24 digits": post("Transfer-Encoding: chunked", body=b"f" * 24 + b"\r\n" + CHUNKED),
    "a chunk with a wrong end": post("Transfer-Encoding: chunked", body=CHUNKED.replace(b"\r\n0", b"xx0")),
    "a chunk longer than it says": post("Transfer-Encoding: chunked", body=CHUNKED.replace(b"10\r\n", b"0f\r\n")),
    "a folded trailer": post("Transfer-Encoding: chunked", body=CHUNKED[:-2] + b"T: a\r\n b\r\n\r\n"),
    "a bare line feed in a trailer": post("Transfer-Encoding: chunked", body=CHUNKED[:-2] + b"T: a\n\r\n"),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_request_that_can_be_read_in_two_ways_is_refused_and_what_follows_is_not_read(port: int, name: str) -> None:
    assert [answer.status for answer in exchange(port, AMBIGUOUS[name] + NEXT)] == [400]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "MADE-UP"])
def test_so_it_is_with_any_method(port: int, method: str) -> None:
    """What is wrong with a body may be seen after the answer: nothing else is answered on the connection."""
    for name, request_ in AMBIGUOUS.items():
        if request_.startswith((b"POST ", b"GET ")):
            other = method.encode() + b" " + request_.partition(b" ")[2]
            [answer] = exchange(port, other + NEXT)
            assert 400 <= answer.status < 500, (name, answer)


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_so_is_one_behind_a_good_one(port: int, name: str) -> None:
    assert [answer.status for answer in exchange(port, NEXT + AMBIGUOUS[name] + NEXT)] == [200, 400]


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (get("Host: localhost", path="/healthz?" + "a" * 2000), [414]),
        (get("Host: localhost", "X: " + "a" * 2000), [431]),
        (get("Host: localhost", *["X: a"] * 500), [431]),
        (b"GET /" + b"a" * 3000, [414]),
        (b"GET / HTTP/1.1\r\n" + b"a" * 3000, [431]),
        (post("Content-Length: 5001", body=b" " * 5001), [413]),
        (post("Content-Length: 999999999999999999", body=b""), [413]),
        (post("Transfer-Encoding: chunked", body=b"1389\r\n" + b" " * 5001 + b"\r\n"), [413]),
        # Chunks of a byte, each behind an extension: little of a body, much to read.
        (post("Transfer-Encoding: chunked", body=(b"1;" + b"x" * 1500 + b"\r\n \r\n") * 1000), [413]),
    ],
)
def test_what_is_too_large_is_refused(port: int, request_: bytes, statuses: list[int]) -> None:
    assert [answer.status for answer in exchange(port, request_)] == statuses


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (NEXT * 20, [200] * 20),
        (post(LENGTH) * 3 + NEXT, [200] * 4),
        (post("Transfer-Encoding: chunked", body=CHUNKED) + NEXT, [200, 200]),
        (post("transfer-encoding: Chunked", body=CHUNKED) + NEXT, [200, 200]),
        (post("Transfer-Encoding: chunked", body=b"10;a=b\r\n" + SEARCH + b"\r\n0\r\nT: x\r\n\r\n") + NEXT, [200, 200]),
        (post(LENGTH, "Connection: close") + NEXT, [200]),
        (post(LENGTH, version="1.0") + NEXT, [200]),
        # The body of a request that has no use for one is passed over, and not read as the next request.
        (get("Host: localhost", f"Content-Length: {len(NEXT)}") + NEXT + NEXT, [200, 200]),
        (get("Host: localhost", f"Content-Length: {len(NEXT)}", path="/nothing") + NEXT + NEXT, [404, 200]),
        (get("Host: evil.example", f"Content-Length: {len(NEXT)}") + NEXT + NEXT, [421, 200]),
        # Nothing is upgraded to.
        (get("Host: localhost", "Connection: Upgrade", "Upgrade: websocket"), [200]),
        (get("Host: localhost", "Connection: Upgrade", "Upgrade: h2c"), [200]),
    ],
)
def test_several_requests_on_a_connection(port: int, request_: bytes, statuses: list[int]) -> None:
    assert [answer.status for answer in exchange(port, request_)] == statuses


def test_bytes_that_come_one_by_one_are_read_alike(port: int) -> None:
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post("Transfer-Encoding: chunked", "Connection: close", body=CHUNKED):
            connection.sendall(bytes([byte]))
        assert [answer.status for answer in answers(read_all(connection))] == [200]


def test_a_wrong_chunk_after_the_answer_ends_the_connection(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with connect(port, get("Host: localhost", "Transfer-Encoding: chunked")) as connection:
        first = connection.recv(65536)
        connection.sendall(b"zz\r\n" + NEXT)
        assert [answer.status for answer in answers(first + read_all(connection))] == [200]
    assert not [record for record in caplog.records if record.exc_info]


# -- origins ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Origin: http://localhost:8080"], 200),
        (["Origin: https://localhost:8080"], 200),
        (["Origin: http://LOCALHOST:8080"], 200),
        (["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"], 200),
        (["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"], 200),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 200),
        (["Origin: http://localhost:3000"], 403),
        (["Origin: http://127.0.0.1:8080"], 403),
        (["Origin: http://evil.example"], 403),
        (["Origin: http://localhost:8080.evil.example"], 403),
        (["Origin: http://evil.example/localhost:8080"], 403),
        (["Origin: file://localhost:8080"], 403),
        (["Origin: localhost:8080"], 403),
        (["Origin: null"], 403),
        (["Origin:"], 403),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
    ],
)
def test_pages_of_other_origins_are_refused(port: int, headers: list[str], status: int) -> None:
    asked = post(*headers, LENGTH).replace(b"Host: localhost", b"Host: localhost:8080")
    for request in (get("Host: localhost:8080", *headers), asked):
        (answer,) = exchange(port, request)
        assert answer.status == status
        assert status == 200 or "cors_origins" in answer.body["detail"]


def test_a_preflight_of_another_origin_is_refused(port: int) -> None:
    headers = ["Host: localhost", "Origin: http://evil.example", "Access-Control-Request-Method: POST"]
    (answer,) = exchange(port, get(*headers).replace(b"GET", b"OPTIONS"))
    assert answer.status == 403

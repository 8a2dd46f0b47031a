"""The generator of load reads answers as they come, and counts what they are."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from loads.generator import Client, Clients, Trivial, bodies_of, load

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n12345"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Any] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


def test_an_answer_is_read_to_its_end_before_the_next_request() -> None:
    clients, transport = Clients([b"first", b"second"]), Transport()
    client = Client(clients, lambda: None)
    client.connection_made(transport)
    for at in range(len(OK)):
        assert transport.written == [b"first"]
        client.data_received(OK[at : at + 1])
    assert transport.written == [b"first", b"second"]
    client.data_received(REFUSED)
    assert transport.written == [b"first", b"second", b"first"]
    record = clients.record()
    assert record["answers"] == 1 and record["errors"] == 1 and record["statuses"] == {"200": 1, "429": 1}
    assert record["p50_ms"] == record["p99_ms"] > 0
    clients.going = False
    client.data_received(OK)
    assert transport.closed


def test_a_connection_that_breaks_is_an_error_and_is_opened_again() -> None:
    opened: list[bool] = []
    clients = Clients([b"request"])
    client = Client(clients, lambda: opened.append(True))
    client.connection_made(Transport())
    client.connection_lost(ConnectionResetError())
    assert opened == [True] and clients.record()["errors"] == 1
    assert clients.record()["p50_ms"] is None
    clients.count_from_now()
    assert clients.record()["errors"] == 0


def test_requests_reach_a_server_over_connections_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "bodies").write_text('{"k": 1}\n{"k": 22}\n')
    requests = list(bodies_of(tmp_path / "bodies", "/search"))
    assert requests[1].startswith(b"POST /search HTTP/1.1\r\n")
    assert requests[1].endswith(b'Content-Length: 9\r\n\r\n{"k": 22}')
    seen: list[bytes] = []
    peers: set[Any] = set()

    class Noting(Trivial):
        def data_received(self, data: bytes) -> None:
            seen.append(data)
            peers.add(self._transport.get_extra_info("peername"))
            super().data_received(data)

    async def both() -> dict[str, Any]:
        server = await asyncio.get_running_loop().create_server(lambda: Noting(OK), "127.0.0.1", 0)
        found: dict[str, Any] = {"answers": 0}
        while not found["answers"] or len(peers) < 3:
            found = await load(server.sockets[0].getsockname()[1], requests, 3, 0.05)
        server.close()
        return found

    found = asyncio.run(both())
    assert found["errors"] == 0 and set(seen) == set(requests) and found["per_second"] > 0

"""Requests over HTTP/1.1 from a process of its own, on connections that stay open: as many at once as connections.

    python benchmarks/loads/generator.py PORT REQUESTS.jsonl --path PATH --connections N --seconds S

The requests of the file, a body a line, are asked in turn. A connection sends the next when its answer is whole. The
first fifth of the time warms up and is not counted. Nothing of an answer is read but its status, its length and its
end, so that a core makes many more requests than a server of searches answers: `--answer BYTES` is such a server, which
only says so many bytes, to measure that with. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

_WARM_UP = 0.2


class Clients:
    """What all connections share: the requests, and the latencies in seconds of what was answered."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._next = itertools.cycle(requests)
        self._counts = False
        self.going = True
        self._forget()

    def _forget(self) -> None:
        self.seconds: list[float] = []
        self.statuses: dict[int, int] = {}
        self.broken = 0
        self._began = perf_counter()

    def count_from_now(self) -> None:
        self._forget()
        self._counts = True

    def request(self) -> bytes:
        return next(self._next)

    def answered(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 200:
            self.seconds.append(seconds)

    def record(self) -> dict[str, Any]:
        """The figures: an error is an answer other than 200, or a connection that ended without one."""
        took, sorted_ms = perf_counter() - self._began, sorted(each * 1e3 for each in self.seconds)
        errors = self.broken + sum(count for status, count in self.statuses.items() if status != 200)
        shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
        quantiles = {
            name: sorted_ms[int(len(sorted_ms) * share)] if sorted_ms else None for name, share in shares.items()
        }
        return {
            "per_second": len(sorted_ms) / took,
            **quantiles,
            "answers": len(sorted_ms),
            "errors": errors,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


class Client(asyncio.Protocol):
    """One connection: asks, reads the answer to its end, asks again. It is opened again when it breaks."""

    def __init__(self, clients: Clients, again: Callable[[], None]) -> None:
        self._clients, self._again = clients, again
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._end = 0
        self._status = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        if not self._clients.going:
            self._transport.close()
            return
        self._sent = perf_counter()
        self._transport.write(self._clients.request())

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._end:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            lines = bytes(self._received[:head]).lower().split(b"\r\n")
            self._status = int(lines[0].split(b" ")[1])
            length = next((line[15:] for line in lines if line.startswith(b"content-length:")), b"0")
            self._end = head + 4 + int(length)
        if len(self._received) >= self._end:
            self._clients.answered(self._status, perf_counter() - self._sent)
            self._received.clear()
            self._end = 0
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self._clients.going:
            self._clients.broken += 1
            self._again()


async def load(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> dict[str, Any]:
    """Ask for so many seconds; the figures."""
    loop = asyncio.get_running_loop()
    clients = Clients(requests)
    opening: set[asyncio.Task[None]] = set()

    async def connect() -> None:
        try:
            await loop.create_connection(lambda: Client(clients, again), "127.0.0.1", port)
        except OSError:
            clients.broken += 1
            await asyncio.sleep(0.1)
            again()

    def again() -> None:
        if clients.going:
            task = loop.create_task(connect())
            opening.add(task)
            task.add_done_callback(opening.discard)

    for _ in range(connections):
        again()
    await asyncio.sleep(seconds * _WARM_UP)
    clients.count_from_now()
    await asyncio.sleep(seconds * (1 - _WARM_UP))
    found = clients.record()
    clients.going = False
    return found


class Trivial(asyncio.Protocol):
    """A server that says the same to whoever sent anything; requests come whole on this machine, one at a time."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer)  # type: ignore[attr-defined]


async def answer(port: int, size: int) -> None:
    """Serve answers of so many bytes until this process is ended."""
    body = b"x" * size
    told = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (size, body)
    server = await asyncio.get_running_loop().create_server(lambda: Trivial(told), "127.0.0.1", port)
    await server.serve_forever()


def bodies_of(path: Path, url: str) -> Iterator[bytes]:
    """The requests of a file of bodies."""
    head = f"POST {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
    for line in path.read_bytes().splitlines():
        yield head.encode() + b"%d\r\n\r\n%s" % (len(line), line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("requests", type=Path, nargs="?")
    parser.add_argument("--path", default="/v1/search")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--answer", type=int, metavar="BYTES")
    arguments = parser.parse_args()
    if arguments.answer is not None:
        asyncio.run(answer(arguments.port, arguments.answer))
        return
    requests = list(bodies_of(arguments.requests, arguments.path))
    print(json.dumps(asyncio.run(load(arguments.port, requests, arguments.connections, arguments.seconds))))


if __name__ == "__main__":
    sys.exit(main())

"""What a good client notices of many bad ones: latency of a served index while slow connections are kept open.

The bad ones connect and are silent, or send half of a request's head or body, or a byte of it a second, also of a body
of documents, or never take their answers: first silent ones alone, as pools of clients keep them, then as many of each
kind. Each that the server closes is opened again a second later. Beside them one client asks question after question:
on one connection, and on a new one for each. Needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cold_start import LSR, MAKE, start
from script import Report, main

from lsr.core.errors import LsrError
from lsr.eval.reports.markdown import markdown_table

HEAD = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BULK = (
    b"POST /v1/collections/%b/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
# A document, half of another, and a body without an end.
DOCUMENT, HALF, EMPTY = b'1d\r\n{"_id": "slow", "text": "a"}\n\r\n', b'6\r\n{"_id"\r\n', b"1\r\n\n\r\n"
# What is sent at once (%b: the index's name), what follows, a byte a second, and whether answers are read.
KINDS: dict[str, tuple[bytes, bytes, bool]] = {
    "silent": (b"", b"", True),
    "half a head": (HEAD, b"", True),
    "a head, byte by byte": (HEAD, b"X: " + b"x" * 1000, True),
    "half a body": (HEAD + b"Content-Length: 1000\r\n\r\n{", b"", True),
    "a body, byte by byte": (HEAD + b"Content-Length: 1000\r\n\r\n{", b" " * 999, True),
    "half a line of documents": (BULK + DOCUMENT + HALF, b"", True),
    "documents, byte by byte": (BULK + DOCUMENT, EMPTY * 200, True),
    "answers not taken": (b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", b"G" * 1000, False),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, help="an index of text (default: a small one is made)")
    parser.add_argument("--question", default="how do I read a file line by line", help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=1600, metavar="N", help="bad ones (%(default)s)")
    parser.add_argument("--silent", type=int, default=1000, metavar="N", help="silent ones alone (%(default)s)")
    parser.add_argument(
        "--descriptors",
        type=int,
        nargs="+",
        default=[256, 4096],
        metavar="N",
        help="the server's `ulimit -n` (256, which they do not fit into, and 4096)",
    )
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement (%(default)s)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Serve the index with each limit, and ask it: alone, then beside the bad connections."""
    index = arguments.index or work / "slow-connections"
    if not index.exists():
        start(("-c", MAKE.format(index=str(index))))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    servers = {f"ulimit -n {each:,}": measure(index, each, arguments) for each in arguments.descriptors}
    table = markdown_table(
        ["", "", "the client's connections", "answers", "failures", "median, ms", "p99, ms", "slowest, ms"],
        [
            [
                limit,
                name,
                kept,
                f"{row['answers']:,}",
                f"{row['failures']:,}",
                *(f"{row[key]:.1f}" for key in ("p50_ms", "p99_ms", "max_ms")),
            ]
            for limit, server in servers.items()
            for name, ways in server["rows"].items()
            for kept, row in ways.items()
        ],
    )
    told = "".join(
        f"\nWith `{limit}` the slow connections were opened {server['opened']:,} times; the server had at most "
        f"{server['descriptors']:,} descriptors open and {server['peak_mb']:.0f} MB resident "
        f"({', '.join(f'{name}: {size:.0f}' for name, size in server['resident_mb'].items())}), and logged "
        f"{server['log_bytes']:,} bytes beside a line for each request.\n"
        for limit, server in servers.items()
    )
    yield Report(f"{table}\n{told}", {"connections": arguments.connections, "servers": servers})


def measure(index: Path, descriptors: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """A server with so many descriptors, asked alone and beside the bad connections."""
    with served(index, descriptors) as server:
        rows = {"alone": ask(server, arguments.question, arguments.seconds)}
        resident = {"alone": server.memory_mb("VmRSS")}
        opened = 0
        for count, kinds, called in (
            (arguments.silent, ["silent"], "silent"),
            (arguments.connections, list(KINDS), "slow"),
        ):
            with besieged(server.port, count, index.name, kinds) as times:
                name = f"beside {count:,} {called} connections"
                rows[name] = ask(server, arguments.question, arguments.seconds)
                resident[name] = server.memory_mb("VmRSS")
                opened += times()
        return {
            "rows": rows,
            "opened": opened,
            "descriptors": server.descriptors,
            "peak_mb": server.memory_mb("VmHWM"),
            "resident_mb": resident,
            "log_bytes": server.log_bytes(),
        }


@dataclass
class Served:
    """A server in a process of its own; `descriptors` is the most it was seen to have open."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    descriptors: int = field(default=0)

    def look(self) -> None:
        folder = Path(f"/proc/{self.process.pid}/fd")
        self.descriptors = max(self.descriptors, sum(1 for _ in folder.iterdir()))

    def memory_mb(self, name: str) -> float:
        """As the system names it: "VmRSS" now, "VmHWM" at most."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024

    def log_bytes(self) -> int:
        return self.log.stat().st_size


@contextmanager
def served(index: Path, descriptors: int) -> Iterator[Served]:
    """`lsr serve` with so many descriptors, ready."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, *LSR, "serve", str(index), "--port", str(port)],
                stderr=stream,
                env=os.environ | {"LSR_LOG_FORMAT": "off"},
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)),
            )
        try:
            while status_of(port) != 200:
                if process.poll() is not None:
                    raise LsrError(f"the server ended: {log.read_text(encoding='utf-8')}")
                time.sleep(0.1)
            yield Served(port, process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def status_of(port: int) -> int | None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client, suppress(OSError):
        client.request("GET", "/readyz")
        return client.getresponse().status
    return None


def ask(server: Served, question: str, seconds: float) -> dict[str, dict[str, Any]]:
    """Question after question, half of the time on a kept connection and half on new ones."""
    return {
        "one, kept": timed(server, question, seconds / 2, kept=True),
        "a new one for each": timed(server, question, seconds / 2, kept=False),
    }


def timed(server: Served, question: str, seconds: float, *, kept: bool) -> dict[str, Any]:
    body = json.dumps({"text": question})
    headers = {"Content-Type": "application/json"} | ({} if kept else {"Connection": "close"})
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    times, failures = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        try:
            client.request("POST", "/v1/search", body, headers)
            answer = client.getresponse()
            answer.read()
            failed = answer.status != 200
        except (OSError, http.client.HTTPException):
            failed = True
            client.close()
        failures += failed
        if not failed:
            times.append((time.perf_counter() - begun) * 1e3)
        server.look()
    client.close()
    if not times:
        raise LsrError("no question was answered")
    times.sort()
    return {
        "answers": len(times),
        "failures": failures,
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[int(len(times) * 0.99)],
        "max_ms": times[-1],
    }


@contextmanager
def besieged(port: int, connections: int, index: str, kinds: Sequence[str]) -> Iterator[Callable[[], int]]:
    """Bad connections from a process of its own, all of them opened at least once; how often they were."""
    context = multiprocessing.get_context("spawn")
    opened = context.Value("q", 0)
    process = context.Process(target=besiege, args=(port, connections, index, kinds, opened), daemon=True)
    process.start()
    try:
        while opened.value < connections:
            time.sleep(0.05)
        yield lambda: opened.value
    finally:
        process.terminate()
        process.join()


def besiege(port: int, connections: int, index: str, kinds: Sequence[str], opened: Any) -> None:
    """Keep so many connections, of each of these kinds as many."""

    loop_of = asyncio.get_running_loop

    async def keep(sent: bytes, drop: bytes, reads: bool) -> None:
        while True:
            with closing(socket.socket()) as connection, suppress(OSError):
                connection.setblocking(False)
                await loop_of().sock_connect(connection, ("127.0.0.1", port))
                with opened.get_lock():
                    opened.value += 1
                await loop_of().sock_sendall(connection, sent.replace(b"%b", index.encode()))
                await dripped(connection, drop, reads)
            await asyncio.sleep(1)

    async def dripped(connection: socket.socket, drop: bytes, reads: bool) -> None:
        """Until the server closes: its end is read, or a byte can no longer be sent."""
        closed = loop_of().create_task(loop_of().sock_recv(connection, 1)) if reads else None
        try:
            for byte in drop:
                if closed is None:
                    await asyncio.sleep(1)
                elif (await asyncio.wait([closed], timeout=1))[0]:
                    return
                await loop_of().sock_sendall(connection, bytes([byte]))
            if closed is not None:
                await closed
        finally:
            if closed is not None:
                closed.cancel()

    async def all_of_them() -> None:
        await asyncio.gather(*(keep(*KINDS[kinds[i % len(kinds)]]) for i in range(connections)))

    asyncio.run(all_of_them())


if __name__ == "__main__":
    sys.exit(main("slow_connections", __doc__, options, run))

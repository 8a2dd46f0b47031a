"""Requests that are passed on to the process that writes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lsr.service.http.routes import Route
from lsr.service.keys.roles import Role, needs
from lsr.service.places.passing import PassedOn


@needs(Role.WRITE)
async def _write() -> None:
    pass


@pytest.fixture
def socket() -> Iterator[Path]:
    """A place whose name is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="lsr-") as folder:
        yield Path(folder) / "owner"


def scope(method: str) -> dict[str, Any]:
    route = Route("/v1/x", _write, {})
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    state = {"route": (method, route), "request_id": "r"}
    return {
        "type": "http",
        "method": method,
        "path": "/v1/x",
        "raw_path": b"/v1/x",
        "query_string": b"",
        "headers": headers,
        "state": state,
    }


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_client_that_goes_away_ends_what_the_owner_works_on(socket: Path, method: str) -> None:
    """With a body, and without: the owner has the request, and has not answered."""
    heard: list[bytes] = []

    async def run() -> None:
        asked, ended = asyncio.Event(), asyncio.Event()

        async def own(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            asked.set()
            while await reader.read(1 << 16):
                pass
            ended.set()
            writer.close()

        server = await asyncio.start_unix_server(own, socket)
        messages = [{"type": "http.request", "body": b"{}", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await asked.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            pytest.fail("nobody is there to be answered")

        async def elsewhere(*_: Any) -> None:
            pytest.fail("it is for the owner")

        await PassedOn(elsewhere, socket=socket, every=0.0, retry_after=1)(scope(method), receive, send)
        await ended.wait()
        server.close()

    asyncio.run(run())
    assert heard[0].startswith(method.encode() + b" /v1/x HTTP/1.1")
    assert heard[0].lower().count(b"accept-encoding:") == heard[0].lower().count(b"accept-encoding: identity") == 1


def test_an_owner_that_is_not_there_is_said(socket: Path) -> None:
    sent: list[Any] = []

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        passed = PassedOn(lambda *_: asyncio.sleep(0), socket=socket, every=0.0, retry_after=7)  # type: ignore[arg-type]
        await passed(scope("DELETE"), receive, send)

    asyncio.run(run())
    assert sent[0]["status"] == 503 and (b"retry-after", b"7") in sent[0]["headers"]

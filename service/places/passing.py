"""Passing on what a process that only reads cannot do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lsr.service.http.problems import ProblemResponse
from lsr.service.http.routes import find_route
from lsr.service.keys.roles import Role, needs_of

METRICS = "/metrics"
# Of one connection, not of the request (RFC 9110, 7.6.1); bodies are passed on as they were unpacked, and answers are
# compressed by who sends them to the client.
_OWN = {
    b"connection",
    b"keep-alive",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"accept-encoding",
    b"expect",
}
# What the process that answers the client says itself.
_SAID = _OWN | {b"date", b"vary", b"x-request-id"}


class PassedOn:
    """ASGI middleware: requests that write, or are about jobs, go to the process that owns writing, by its socket.

    With `wait=true` in its query, the answer to a write ends once every process that reads looks anew. A client that
    goes away ends the request there, too. 503 if the owner does not answer.

    Args:
        app: for all other requests.
        socket: of the owner.
        every: seconds for which a process that reads takes what it saw last for the latest.
    """

    def __init__(self, app: ASGIApp, *, socket: Path, every: float, retry_after: int) -> None:
        self.app = app
        self._every, self._retry_after = every, retry_after
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=16)
        transport = httpx.AsyncHTTPTransport(uds=str(socket), limits=limits)
        self._client = httpx.AsyncClient(transport=transport, timeout=None, base_url="http://owner")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_for_owner(scope):
            await self.app(scope, receive, send)
            return
        gone = asyncio.Event()
        passing = asyncio.create_task(self._pass_on(scope, receive, send, gone))
        left = asyncio.create_task(gone.wait())
        try:
            await asyncio.wait((passing, left), return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                passing.result()
        finally:
            left.cancel()
            passing.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await passing

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, gone: asyncio.Event) -> None:
        body = _Body(receive, gone, whole=not _has_body(scope))
        request = self._client.build_request(
            scope["method"],
            "/",
            headers=_headers(scope),
            content=None if body.whole.is_set() else body.pieces(),
            # As it was sent: a URL's path would be made another, "a/../b" the id "b".
            extensions={"target": _target(scope)},
        )
        watch = asyncio.create_task(body.watch())
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.HTTPError:
            watch.cancel()
            if gone.is_set():
                return
            detail = "the process that writes does not answer: try again in a moment"
            later = {"Retry-After": str(self._retry_after)}
            problem = ProblemResponse(scope, 503, detail, kind="not-ready", title="Not ready", headers=later)
            await problem(scope, receive, send)
            return
        try:
            headers = [pair for pair in answer.headers.raw if pair[0].lower() not in _SAID]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
            async for piece in answer.aiter_raw():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if _waits(scope):
                await asyncio.sleep(self._every)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watch.cancel()
            await answer.aclose()


class _Body:
    """The body of a request as it arrives, and whether its client has gone away.

    Attributes:
        whole: set once nothing more of it is to come.
    """

    def __init__(self, receive: Receive, gone: asyncio.Event, *, whole: bool) -> None:
        self._receive, self._gone = receive, gone
        self.whole = asyncio.Event()
        if whole:
            self.whole.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body. Raises httpx.WriteError if it breaks off."""
        while not self.whole.is_set():
            message: Message = await self._receive()
            if message["type"] != "http.request":
                self._gone.set()
                raise httpx.WriteError("the client disconnected")
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body", False):
                self.whole.set()

    async def watch(self) -> None:
        """Notice the client's going, once its body is whole."""
        await self.whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()


def _is_for_owner(scope: Scope) -> bool:
    route = find_route(scope)
    return route is not None and (needs_of(route.endpoint).role >= Role.WRITE or route.template == METRICS)


def _headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    kept = [pair for pair in scope["headers"] if pair[0] not in _OWN and pair[0] != b"x-request-id"]
    # httpx would ask for what it can unpack, and the client be sent what it may not be able to.
    kept.append((b"accept-encoding", b"identity"))
    id = scope.get("state", {}).get("request_id")
    return kept if id is None else [*kept, (b"x-request-id", str(id).encode("latin-1"))]


def _target(scope: Scope) -> bytes:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def _has_body(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names or b"transfer-encoding" in names or scope["method"] in ("POST", "PUT", "PATCH")


def _waits(scope: Scope) -> bool:
    return parse_qs(scope["query_string"].decode("latin-1")).get("wait", [""])[-1].lower() in ("true", "1", "yes", "on")

"""Answers compressed for clients that ask for it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import zstandard
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Below that, a packet is saved at best.
_LEAST_BYTES = 1024
# Beyond that, it would keep the event loop from others for milliseconds.
_LARGE_BYTES = 1 << 16
_TEXT = ("application/json", "application/problem+json", "application/x-ndjson", "text/")


class _Packing(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self, mode: Any = ..., /) -> bytes: ...


# The fastest levels: an answer is made once and read once.
_CODINGS: dict[str, tuple[Callable[[], _Packing], Any, Any]] = {
    "zstd": (
        lambda: zstandard.ZstdCompressor(level=1).compressobj(),
        zstandard.COMPRESSOBJ_FLUSH_BLOCK,
        zstandard.COMPRESSOBJ_FLUSH_FINISH,
    ),
    "gzip": (lambda: zlib.compressobj(1, wbits=31), zlib.Z_SYNC_FLUSH, zlib.Z_FINISH),
}
"""By name, the best first: how to begin, and how to flush within a stream and at its end."""


def coding_for(accepted: str) -> str | None:
    """The coding to answer with, given an `Accept-Encoding`; None for none."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        weight = 1.0
        if parameter.strip().startswith("q="):
            try:
                weight = float(parameter.strip()[2:])
            except ValueError:
                weight = 0.0
        weights[name.strip()] = weight
    found = [(weights.get(name, weights.get("*", 0.0)), name) for name in _CODINGS]
    best = max(weight for weight, _ in found)
    return next(name for weight, name in found if weight == best) if best > 0 else None


class Compressed:
    """ASGI middleware: compresses texts of a kilobyte and more, also those that stream, each part for itself.

    Answers with an `ETag`, which is of their bytes, stay as they are.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        coding = None
        if scope["type"] == "http":
            coding = coding_for(Headers(scope=scope).get("accept-encoding", ""))
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _Answer(send, coding).send)


class _Answer:
    """Sends one answer. Its start is held until the first part of the body says how large it is."""

    def __init__(self, send: Send, coding: str | None) -> None:
        self._send = send
        self._coding = coding
        self._start: Message | None = None
        self._packing: _Packing | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            kind = headers.get("content-type", "")
            fits = kind.startswith(_TEXT) and "content-encoding" not in headers and "etag" not in headers
            if fits and message["status"] not in (204, 304):
                headers.add_vary_header("Accept-Encoding")
                if self._coding is not None:
                    self._start = message
                    return
        elif message["type"] == "http.response.body" and self._coding is not None:
            start, self._start = self._start, None
            if start is not None:
                await self._begin(start, message)
            if self._packing is not None:
                message = await self._packed(message)
        await self._send(message)

    async def _begin(self, start: Message, first: Message) -> None:
        more, size = first.get("more_body", False), len(first.get("body", b""))
        if more or size >= _LEAST_BYTES:
            assert self._coding is not None
            self._packing = _CODINGS[self._coding][0]()
            headers = MutableHeaders(scope=start)
            headers["Content-Encoding"] = self._coding
            del headers["Content-Length"]
        await self._send(start)

    async def _packed(self, message: Message) -> Message:
        packing = self._packing
        assert packing is not None and self._coding is not None
        _, within, end = _CODINGS[self._coding]
        body, more = message.get("body", b""), message.get("more_body", False)

        def pack() -> bytes:
            return packing.compress(body) + packing.flush(within if more else end)

        packed = await asyncio.to_thread(pack) if len(body) > _LARGE_BYTES else pack()
        return {**message, "body": packed}

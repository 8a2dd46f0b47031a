"""Compressed bodies of requests, unpacked as they arrive and no further than a bound."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import zstandard
from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lsr.service.http.problems import ProblemResponse

# Text that people wrote shrinks to a tenth. The first kilobytes may be of anything.
_MOST_RATIO = 200
_FREE_BYTES = 1 << 18
# Of zstandard at its highest level; more is kept in memory only by who asks for it.
_WINDOW_BYTES = 1 << 23
_PART_BYTES = 1 << 20
_CLOSE = {"Connection": "close"}


class _Unpacking(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class _Coding(NamedTuple):
    """How a coding is unpacked, and how many bytes of it at a time: these become some megabytes at the very most."""

    begin: Callable[[], _Unpacking]
    step: int


def _gzip() -> _Unpacking:
    return zlib.decompressobj(wbits=31)


def _zstd() -> _Unpacking:
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()


CODINGS = {"gzip": _Coding(_gzip, 4096), "x-gzip": _Coding(_gzip, 4096), "zstd": _Coding(_zstd, 128)}
"""By the name in `Content-Encoding`. A byte of gzip is at most 1,032; four of zstandard at most 128 KiB."""


class Unpacked:
    """ASGI middleware: bodies with `Content-Encoding` gzip or zstd reach the application as they were before.

    413 if one unpacks to more than a body may have (`BodyLimit`), or to more than 200 times what was sent; 400 if it is
    damaged, ends too early, or is followed by something, another member or frame too; 415 for other codings. The
    application gets it in parts of about a megabyte: what is held is a part that arrived, one of these, and what a step
    unpacks to, which is 16 MiB at the very most.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = [value for name, value in scope["headers"] if name == b"content-encoding"] if _is_http(scope) else []
        name = b",".join(given).decode("latin-1").strip().lower()
        if name in ("", "identity"):
            await self.app(scope, receive, send)
            return
        coding = CODINGS.get(name)
        if coding is None:
            detail = f"the body is encoded as {name[:100]!r}: send it as gzip or zstd, or as it is"
            headers = {"Accept-Encoding": "gzip, zstd", **_CLOSE}
            await ProblemResponse(scope, 415, detail, headers=headers)(scope, receive, send)
            return
        # They are of what was sent, and not of what the application reads.
        left = [pair for pair in scope["headers"] if pair[0] not in (b"content-encoding", b"content-length")]
        body = _Body(coding, name, scope["state"]["most_bytes"])
        made: Iterator[bytes] = iter(())
        more = True

        async def unpacked() -> Message:
            nonlocal made, more
            if body.complete:
                return await receive()
            while not (part := _some(made)):
                if not more:
                    body.finish()
                    return {"type": "http.request", "body": b"", "more_body": False}
                message = await receive()
                if message["type"] != "http.request":
                    return message
                made, more = body.parts(message.get("body", b"")), message.get("more_body", False)
            return {"type": "http.request", "body": part, "more_body": True}

        await self.app({**scope, "headers": left}, unpacked, send)


class _Body:
    """One body, and how far it has come."""

    def __init__(self, coding: _Coding, name: str, most: int) -> None:
        self._unpacking, self._step = coding.begin(), coding.step
        self._name = name
        self._most = most
        self._received = self._made = 0
        self.complete = False

    def parts(self, data: bytes) -> Iterator[bytes]:
        """What some more bytes unpack to. Raises HTTPException."""
        for start in range(0, len(data), self._step):
            piece = data[start : start + self._step]
            self._received += len(piece)
            if self._unpacking.eof:
                raise self._wrong("something follows its end")
            try:
                made = self._unpacking.decompress(piece)
            except (zlib.error, zstandard.ZstdError):
                raise self._wrong("it is damaged, or asks for too much memory") from None
            if self._unpacking.unused_data:
                raise self._wrong("something follows its end")
            self._made += len(made)
            if self._made > self._most:
                raise HTTPException(413, f"the body unpacks to more than {self._most:,} bytes, the limit here", _CLOSE)
            if self._made > max(_FREE_BYTES, _MOST_RATIO * self._received):
                raise HTTPException(413, f"the body unpacks to more than {_MOST_RATIO} times what was sent", _CLOSE)
            yield made

    def finish(self) -> None:
        """Say that nothing follows. Raises HTTPException if something should."""
        self.complete = True
        if self._received and not self._unpacking.eof:
            raise self._wrong("it ends too early")

    def _wrong(self, what: str) -> HTTPException:
        return HTTPException(400, f"the body is not {self._name}, as its Content-Encoding says: {what}", _CLOSE)


def _some(parts: Iterator[bytes]) -> bytes:
    """The next parts, of together a megabyte or what there is."""
    taken, size = [], 0
    while size < _PART_BYTES and (part := next(parts, None)) is not None:
        taken.append(part)
        size += len(part)
    return b"".join(taken)


def _is_http(scope: Scope) -> bool:
    return bool(scope["type"] == "http")

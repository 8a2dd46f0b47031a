"""Limits on the size of a request body and the time it takes to arrive."""

from __future__ import annotations

import asyncio
import re

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lsr.service.http.problems import ProblemResponse

_BULK = re.compile(r"/v1/collections/[^/]+/documents/?")


def is_bulk(scope: Scope) -> bool:
    """Whether a request has a body of documents, which is worked on as it arrives."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return scope["method"] == "POST" and _BULK.fullmatch(path) is not None


class BodyLimit:
    """ASGI middleware that refuses request bodies that are too large or too slow.

    The answer is 413 for a body over `max_bytes`, whether announced or streamed, and 408 for one that takes longer than
    `timeout` seconds to arrive. At most `max_bytes` and one chunk are kept in memory. The connection is closed after a
    refusal, because what the client still sends would be read as its next request. What unpacks bodies finds the limit
    in the request's state, as `most_bytes`.

    A body of documents (`is_bulk`) may have `bulk_bytes`, and `timeout` is for each of its pieces: it is worked on as
    it arrives, and the client waits for that.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, timeout: float, bulk_bytes: int | None = None) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.bulk_bytes = max_bytes if bulk_bytes is None else bulk_bytes
        self.timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bulk = is_bulk(scope)
        max_bytes = self.bulk_bytes if bulk else self.max_bytes
        scope.setdefault("state", {})["most_bytes"] = max_bytes
        announced = Headers(scope=scope).get("content-length", "")
        too_large = f"the body is larger than {max_bytes:,} bytes, the limit of this server"
        close = {"Connection": "close"}
        if announced.isdecimal() and int(announced) > max_bytes:
            await ProblemResponse(scope, 413, too_large, headers=close)(scope, receive, send)
            return

        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.timeout
        received = 0
        complete = False

        async def limited() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            try:
                # The client of a bulk is waited for from when the work on what it has sent is done.
                async with asyncio.timeout_at(loop.time() + self.timeout if bulk else deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body did not arrive within {self.timeout:g} s", close) from None
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > max_bytes:
                raise HTTPException(413, too_large, close)
            return message

        await self.app(scope, limited, send)

"""What a request's headers say of shards: how long they have, and whether an answer without some of them is one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from lsr.service.cluster.shards import together
from lsr.service.http.asked import ASKED, Asked

DEADLINE, PARTIAL = b"x-deadline-ms", b"x-partial"
_LEAST, _MOST = 1, 3_600_000


class AskingShards:
    """Outermost around the service: gives each request its deadline, and says on which loop shards are called."""

    def __init__(self, app: ASGIApp, seconds: float, loop: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        self._app, self._seconds, self._loop = app, seconds, loop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop(asyncio.get_running_loop())
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        partial = headers.get(PARTIAL, b"").strip().lower() in (b"1", b"true", b"yes", b"allow")
        token = ASKED.set(Asked(time.monotonic() + self._left(headers), partial, together=together))
        try:
            await self._app(scope, receive, send)
        finally:
            ASKED.reset(token)

    def _left(self, headers: dict[bytes, bytes]) -> float:
        """Seconds; what is no number of milliseconds counts as not said, and more than a request has as all of it."""
        try:
            milliseconds = int(headers.get(DEADLINE, b""))
        except ValueError:
            return self._seconds
        return min(self._seconds, max(_LEAST, min(milliseconds, _MOST)) / 1000)

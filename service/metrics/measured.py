"""Counting requests."""

from __future__ import annotations

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lsr.service.http.routes import find_route
from lsr.service.metrics.service import ServiceMetrics


class Measured:
    """ASGI middleware: counts and times every request by its route, refused ones too."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route = find_route(scope)
        start = perf_counter()
        # What nothing has answered becomes a 500 further out.
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._metrics.in_flight.track_inprogress():
            try:
                await self.app(scope, receive, noted)
            finally:
                seconds = perf_counter() - start
                template = None if route is None else route.template
                self._metrics.answered(template, scope["method"], status, seconds, scope["state"].get("refused"))

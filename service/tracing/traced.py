"""The span around a request."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lsr.service.http.routes import find_route
from lsr.service.tracing.spans import Tracing


class Traced:
    """ASGI middleware: a span for each request, named by its method and route, in its state for those of stages."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route, method = find_route(scope), scope["method"]
        attributes = {"http.request.method": method, "url.scheme": scope.get("scheme", "http")}
        if route is not None:
            attributes["http.route"] = route.template
        name = "HTTP" if route is None else f"{method} {route.template}"
        with self._tracing.request(name, Headers(scope=scope), attributes) as span:
            state = scope["state"]
            state["span"] = span
            state["trace"] = format(span.get_span_context().trace_id, "032x")

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._tracing.answered(span, message["status"])
                await send(message)

            try:
                await self.app(scope, receive, noted)
            except Exception:
                # Answered further out.
                self._tracing.answered(span, 500)
                raise
            finally:
                told = {"lsr.collection": state.get("collection"), "lsr.refused": state.get("refused")}
                span.set_attributes({key: value for key, value in told.items() if value is not None})
                if (key := state.get("key")) is not None:
                    span.set_attribute("lsr.key", key.id)

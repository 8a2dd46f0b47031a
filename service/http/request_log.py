"""The request log, with one line and an id for each request."""

from __future__ import annotations

import json
import logging
import re
import uuid
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lsr.service.http.problems import ProblemResponse
from lsr.service.http.secrets import KEY, without_keys

logger = logging.getLogger("lsr.service.requests")

_PROBES = {"/healthz", "/readyz"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


class RequestLog:
    """ASGI middleware that logs method, path, status and milliseconds; it echoes X-Request-ID, or makes one up.

    As JSON, a line also has the bytes of the body and of the answer, and, where there are some, the collection, the id
    of the key, why the request was refused, and the id of the trace that it is part of (`traceparent`). Query strings
    are not logged, because they contain what people search for. Probes are logged at level DEBUG.

        An exception that nothing else has handled is logged with its traceback and becomes a 500 that tells the client
        nothing except the request's id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) and not KEY.search(given) else uuid.uuid4().hex
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        traced = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
        if traced:
            state["trace"] = traced[1]
        status = received = sent = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def send_with_id(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, counted, send_with_id)
        except Exception:
            logger.exception("request %s failed", request_id)
            if status:
                raise
            detail = "the server failed; its log gives the reason under this request_id"
            await ProblemResponse(scope, 500, detail)(scope, receive, send_with_id)
        finally:
            milliseconds = (perf_counter() - start) * 1e3
            method, path = scope["method"], quote(scope["path"])
            # Probes come every few seconds and would drown out the rest.
            probe = scope["path"].removeprefix(scope.get("root_path", "")) in _PROBES
            level = logging.DEBUG if probe else logging.INFO
            key = state.get("key")
            told = {
                "collection": state.get("collection"),
                "key": key and key.id,
                "refused": state.get("refused"),
                "trace": state.get("trace"),
            }
            logger.log(
                level,
                "%s %s %d %.1f ms",
                method,
                path,
                status,
                milliseconds,
                extra={
                    "request": {
                        "id": request_id,
                        "method": method,
                        "path": path,
                        "status": status,
                        "ms": round(milliseconds, 3),
                        "bytes_in": received,
                        "bytes_out": sent,
                        **{name: value for name, value in told.items() if value is not None},
                    }
                },
            )


class TextFormatter(logging.Formatter):
    """A log record as a line of text, without the secrets of keys."""

    def format(self, record: logging.LogRecord) -> str:
        return without_keys(super().format(record))


class JsonFormatter(logging.Formatter):
    """A log record as one JSON object: time, level, message, and the request's fields or the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        entry.update(getattr(record, "request", {}))
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return without_keys(json.dumps(entry))

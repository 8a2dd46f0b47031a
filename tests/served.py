"""The service as clients reach it: without a network, or by a port of its own."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app

URL = "http://localhost:8080"
BIRDS: list[dict[str, Any]] = [
    {"_id": "tern", "text": "Terns migrate from pole to pole.", "year": 2020, "tags": ["sea", "far"]},
    {"_id": "stork", "text": "Storks glide on warm air, and migrate over land.", "year": 2024, "tags": ["land"]},
    {"_id": "owl", "title": "The owl", "text": "Owls hunt at night.", "year": 2024},
]


class AppTransport(httpx.BaseTransport):
    """Sends requests to an application that runs on the event loop of a portal."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._asgi, self._portal = httpx.ASGITransport(app), portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        return self._portal.call(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        response = await self._asgi.handle_async_request(asked)
        body = await response.aread()
        # The body has been unpacked here.
        headers = [
            pair for pair in response.headers.multi_items() if pair[0] not in ("content-encoding", "content-length")
        ]
        return httpx.Response(response.status_code, headers=headers, content=body)


@contextmanager
def serving(root: Path, **settings: Any) -> Iterator[AppTransport]:
    """A transport to a server of a folder, once it is warm."""
    app = create_app(root, ServiceSettings(**{"workers": 2, **settings}))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        app.state.service.warm_up.join(PATIENCE)
        yield AppTransport(app, portal)


@contextmanager
def listening(root: Path, **settings: Any) -> Iterator[str]:
    """The URL of a server of a folder, once it is warm."""
    app = create_app(root, ServiceSettings(**{"workers": 2, **settings}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        app.state.service.warm_up.join(PATIENCE)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def numbered(count: int) -> Iterable[dict[str, Any]]:
    """Documents that are made as they are taken."""
    return ({"_id": f"d{number:04}", "text": f"bird number {number}"} for number in range(count))

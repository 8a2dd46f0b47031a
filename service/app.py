"""The application: combines routes, error handling and limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse

import lsr
from lsr.search.live import LiveRetriever
from lsr.service.api import documents, encode, health, index, search
from lsr.service.backend import SearchBackend, Served
from lsr.service.http import openapi, problems
from lsr.service.http.body_limit import BodyLimit
from lsr.service.http.entrance import Entrance
from lsr.service.http.prefix import Prefix, path_to
from lsr.service.http.request_log import RequestLog
from lsr.service.settings import ServiceSettings
from lsr.service.state import Service

_DESCRIPTION = """Learned sparse retrieval over one index.

Errors are problem documents (RFC 9457, `application/problem+json`). `GET /v1/index` gives the limits of this server.
"""


def create_app(
    retriever_or_path: SearchBackend | LiveRetriever | str | Path, settings: ServiceSettings | None = None
) -> FastAPI:
    """An ASGI application that serves one index: at a path, as it is when a request begins, whoever writes to it.

    When it starts, it warms the retriever up in the background (see /readyz); when it stops, it finishes the work it
    has accepted. Mounted in another application, which does not start it, it warms up when the first request comes,
    and requests wait for that. It may be started in that application's lifespan:
    `async with app.router.lifespan_context(app): ...`.

    `settings` default to `ServiceSettings.from_env()`. Raises IndexFormatError if there is no index at the path.
    """
    settings = settings or ServiceSettings.from_env()
    if isinstance(retriever_or_path, (str, Path)):
        retriever_or_path = LiveRetriever.follow(retriever_or_path)
    served = Served(retriever_or_path)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service = Service.start(served, settings)
        yield
        await asyncio.to_thread(service.pool.close)

    app = FastAPI(
        title="lsr",
        version=lsr.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        # The framework builds that redirect from the Host header; `problems` has its own.
        redirect_slashes=False,
    )
    app.state.served, app.state.settings, app.state.service = served, settings, None
    for module in (search, documents, encode, index, health):
        app.include_router(module.router)
    app.add_api_route("/", _to_the_reference, include_in_schema=False)
    problems.install(app)
    openapi.install(app)
    # The last one added is the outermost, so that refusals also get a line in the log and CORS headers.
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, timeout=settings.request_timeout)
    app.add_middleware(Entrance, hosts=settings.allow_hosts, origins=settings.cors_origins)
    app.add_middleware(RequestLog)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "X-Request-ID"],
            expose_headers=["Retry-After", "X-Request-ID"],
        )
    if settings.root_path:
        app.add_middleware(Prefix, path=settings.root_path)
    return app


async def _to_the_reference(request: Request) -> Response:
    return RedirectResponse(path_to(request.scope, "/docs"))

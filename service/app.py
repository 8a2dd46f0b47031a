"""The application: combines routes, error handling and limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

import lsr
from lsr.search.live import LiveRetriever
from lsr.service.api import (
    aliases,
    collections,
    documents,
    encode,
    figures,
    health,
    index,
    jobs,
    maintenance,
    search,
    snapshots,
    terms,
    writing,
)
from lsr.service.backend import SearchBackend
from lsr.service.collections.root import Root
from lsr.service.http import openapi, problems
from lsr.service.http.body_limit import BodyLimit
from lsr.service.http.entrance import Entrance
from lsr.service.http.prefix import Prefix
from lsr.service.http.request_log import RequestLog
from lsr.service.settings import ServiceSettings
from lsr.service.state import Service
from lsr.service.web import page

_DESCRIPTION = """Learned sparse retrieval over collections.

Errors are problem documents (RFC 9457, `application/problem+json`). `GET /v1/collections/{collection}` gives the limits
of this server. A server of one collection answers about it under `/v1/search`, `/v1/explain`, `/v1/documents/{id}` and
`/v1/encode`, too.
"""
# What can be asked of a collection, under its name, and under none where there is one.
_OF_COLLECTIONS = (search, documents, terms, encode)


def create_app(
    served: Root | SearchBackend | LiveRetriever | str | Path, settings: ServiceSettings | None = None
) -> FastAPI:
    """An ASGI application that serves the collections in a folder, the one at a path, or a retriever.

    Requests are answered from what is there when they begin, whoever writes to it. When it starts, it warms up in the
    background (see /readyz); when it stops, it finishes the work it has accepted. Mounted in another application, which
    does not start it, it warms up when the first request comes, and requests wait for that. It may be started in that
    application's lifespan: `async with app.router.lifespan_context(app): ...`.

    `settings` default to `ServiceSettings.from_env()`. Raises IndexFormatError if there is neither an index at the
    path, nor a folder for collections.
    """
    settings = settings or ServiceSettings.from_env()
    if isinstance(served, (str, Path)):
        served = Root.at(served)
    root = served if isinstance(served, Root) else Root.of(served)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service = Service.start(root, settings)
        yield
        await asyncio.to_thread(service.close)

    app = FastAPI(
        title="lsr",
        version=lsr.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        # The framework builds that redirect from the Host header; `problems` has its own.
        redirect_slashes=False,
    )
    app.state.root, app.state.settings, app.state.service = root, settings, None
    for module in (collections, aliases, jobs):
        app.include_router(module.router)
    for module in (*_OF_COLLECTIONS, figures, writing, maintenance, snapshots):
        app.include_router(
            module.router, prefix="/v1/collections/{collection}", dependencies=[Depends(collections.named)]
        )
    for module in (*_OF_COLLECTIONS, index):
        app.include_router(module.router, prefix="/v1")
    app.include_router(health.router)
    app.include_router(page.router)
    problems.install(app)
    openapi.install(app)
    # The last one added is the outermost, so that refusals also get a line in the log and CORS headers.
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        bulk_bytes=settings.max_bulk_bytes,
        timeout=settings.request_timeout,
    )
    app.add_middleware(Entrance, hosts=settings.allow_hosts, origins=settings.cors_origins)
    app.add_middleware(RequestLog)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Content-Type", "X-Request-ID"],
            expose_headers=["Retry-After", "X-Request-ID"],
        )
    if settings.root_path:
        app.add_middleware(Prefix, path=settings.root_path)
    return app

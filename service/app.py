"""The application: combines routes, error handling and limits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse

import lsr
from lsr.core.errors import LsrError
from lsr.core.places import named
from lsr.search.live import LiveRetriever
from lsr.service.api import documents, encode, health, index, search
from lsr.service.api import metrics as prometheus
from lsr.service.backend import SearchBackend, Served
from lsr.service.http import openapi, problems
from lsr.service.http.body_limit import BodyLimit
from lsr.service.http.compression import Compressed
from lsr.service.http.entrance import Entrance
from lsr.service.http.prefix import Prefix, path_to
from lsr.service.http.request_log import RequestLog
from lsr.service.http.unpacking import Unpacked
from lsr.service.keys.access import Access, Guard
from lsr.service.keys.keyring import Keyring
from lsr.service.keys.roles import Role, needs
from lsr.service.keys.store import KeyStore
from lsr.service.metrics.collections import CollectionFigures
from lsr.service.metrics.measured import Measured
from lsr.service.metrics.service import ServiceMetrics
from lsr.service.settings import ServiceSettings
from lsr.service.state import Service
from lsr.service.tracing.spans import Tracing
from lsr.service.tracing.traced import Traced

logger = logging.getLogger("lsr.service")

_DESCRIPTION = """Learned sparse retrieval over one index.

Errors are problem documents (RFC 9457, `application/problem+json`). `GET /v1/index` gives the limits of this server.
"""


def create_app(
    retriever_or_path: SearchBackend | LiveRetriever | str | Path,
    settings: ServiceSettings | None = None,
    *,
    name: str = "index",
    keys: KeyStore | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """An ASGI application that serves one index: at a path, as it is when a request begins, whoever writes to it.

    When it starts, it warms the retriever up in the background (see /readyz); when it stops, it finishes the work it
    has accepted. Mounted in another application, which does not start it, it warms up when the first request comes,
    and requests wait for that. It may be started in that application's lifespan:
    `async with app.router.lifespan_context(app): ...`.

    `settings` default to `ServiceSettings.from_env()`; for an index at a path, `name` to the name of its folder, and
    `keys` to those of the folder that it lies in, otherwise there are none; `tracing` to what the settings say. Raises
    IndexFormatError if there is no index at the path, and InputError if its keys are damaged.
    """
    settings = settings or ServiceSettings.from_env()
    if isinstance(retriever_or_path, (str, Path)):
        name = named(retriever_or_path).name
        keys = keys or KeyStore.of(retriever_or_path)
        retriever_or_path = LiveRetriever.follow(retriever_or_path)
    served = Served(retriever_or_path)
    guard = Guard(Keyring(keys), lambda: (name,), anonymous=settings.anonymous)
    metrics = ServiceMetrics()
    metrics.watch_collections(lambda: _figures(name, served))
    if tracing is None and settings.tracing:
        tracing = Tracing.to(settings.tracing)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service = Service.start(served, settings, metrics, tracing)
        yield
        await asyncio.to_thread(service.pool.close)
        if tracing is not None:
            await asyncio.to_thread(tracing.close)

    app = FastAPI(
        title="lsr",
        version=lsr.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        # The framework builds that redirect from the Host header; `problems` has its own.
        redirect_slashes=False,
    )
    app.state.served, app.state.settings, app.state.service = served, settings, None
    app.state.guard, app.state.metrics, app.state.tracing = guard, metrics, tracing
    for route in app.routes:
        # The reference, which FastAPI has added by now. A browser sends no key when it opens a page.
        needs(Role.READ, scoped=True, local=True)(route.endpoint)  # type: ignore[attr-defined]
    for module in (search, documents, encode, index, health, prometheus):
        app.include_router(module.router)
    app.add_api_route("/", _to_the_reference, include_in_schema=False)
    problems.install(app)
    openapi.install(app)
    # The last one added is the outermost, so that refusals also get a line in the log and CORS headers.
    app.add_middleware(Unpacked)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, timeout=settings.request_timeout)
    app.add_middleware(Compressed)
    app.add_middleware(Access, guard=guard)
    app.add_middleware(Entrance, hosts=settings.allow_hosts, origins=settings.cors_origins)
    app.add_middleware(Measured, metrics=metrics)
    if tracing is not None:
        app.add_middleware(Traced, tracing=tracing)
    app.add_middleware(RequestLog)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Encoding", "Content-Type", "X-Request-ID", "traceparent"],
            expose_headers=["Retry-After", "WWW-Authenticate", "X-Request-ID"],
        )
    if settings.root_path:
        app.add_middleware(Prefix, path=settings.root_path)
    return app


def _figures(name: str, served: Served) -> dict[str, CollectionFigures]:
    """What metrics say of the collection; nothing where it cannot be looked at."""
    try:
        return {name: CollectionFigures.of(served.now().index.describe())}
    except (LsrError, OSError) as error:
        logger.warning("metrics without the collection %s: %s", name, error)
        return {}


@needs(Role.READ, scoped=True, local=True)
async def _to_the_reference(request: Request) -> Response:
    return RedirectResponse(path_to(request.scope, "/docs"))

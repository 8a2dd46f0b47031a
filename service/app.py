"""The application: combines routes, error handling and limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

import lsr
from lsr.search.live import FOLLOWED_EVERY, LiveRetriever
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
from lsr.service.api import metrics as prometheus
from lsr.service.backend import SearchBackend
from lsr.service.collections.root import Root
from lsr.service.http import openapi, problems
from lsr.service.http.body_limit import BodyLimit
from lsr.service.http.compression import Compressed
from lsr.service.http.entrance import Entrance
from lsr.service.http.head import Head
from lsr.service.http.prefix import Prefix
from lsr.service.http.request_log import RequestLog
from lsr.service.http.unpacking import Unpacked
from lsr.service.keys.access import Access, Guard
from lsr.service.keys.keyring import Keyring
from lsr.service.keys.roles import Role, needs
from lsr.service.keys.store import KeyStore
from lsr.service.metrics.measured import Measured
from lsr.service.metrics.service import ServiceMetrics
from lsr.service.places.passing import PassedOn
from lsr.service.places.place import Place
from lsr.service.settings import ServiceSettings
from lsr.service.state import Service
from lsr.service.tracing.spans import Tracing
from lsr.service.tracing.traced import Traced
from lsr.service.web import page

_DESCRIPTION = """Learned sparse retrieval over collections.

Errors are problem documents (RFC 9457, `application/problem+json`). `GET /v1/collections/{collection}` gives the limits
of this server. A server of one collection answers about it under `/v1/search`, `/v1/explain`, `/v1/documents/{id}` and
`/v1/encode`, too.
"""
# What can be asked of a collection, under its name, and under none where there is one.
_OF_COLLECTIONS = (search, documents, terms, encode)


def create_app(
    served: Root | SearchBackend | LiveRetriever | str | Path,
    settings: ServiceSettings | None = None,
    *,
    name: str = "index",
    keys: KeyStore | None = None,
    tracing: Tracing | None = None,
    place: Place = Place.ALONE,
    owner: Path | None = None,
) -> FastAPI:
    """An ASGI application that serves the collections in a folder, the one at a path, or a retriever.

    Requests are answered from what is there when they begin, whoever writes to it. When it starts, it warms up in the
    background (see /readyz); when it stops, it finishes the work it has accepted. Mounted in another application, which
    does not start it, it warms up when the first request comes, and requests wait for that. It may be started in that
    application's lifespan: `async with app.router.lifespan_context(app): ...`.

    `settings` default to `ServiceSettings.from_env()`; `name` is a retriever's; `keys` default to those of the folder
    that collections are in, of which a retriever has none; `tracing` to what the settings say. `place` and the socket
    of the `owner` are for `lsr.service.processes`. Raises IndexFormatError if there is neither an index at the path,
    nor a folder for collections, and InputError if its keys are damaged.
    """
    settings = settings or ServiceSettings.from_env()
    if isinstance(served, (str, Path)):
        served = Root.at(served)
    root = served if isinstance(served, Root) else Root.of(served, name)
    if keys is None and root.folder is not None:
        keys = KeyStore(root.folder)
    guard = Guard(Keyring(keys), root.names, anonymous=settings.anonymous)
    guard.name_of = root.name_of
    metrics = ServiceMetrics()
    metrics.watch_collections(
        lambda: {each.name: found for each in root.opened() if (found := each.figures()) is not None}
    )
    if tracing is None and settings.tracing:
        tracing = Tracing.to(settings.tracing)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service = Service.start(root, settings, metrics, tracing, place=place)
        yield
        await asyncio.to_thread(service.close)
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
    app.state.root, app.state.settings, app.state.service = root, settings, None
    app.state.guard, app.state.metrics, app.state.tracing = guard, metrics, tracing
    for route in app.routes:
        # The reference, which FastAPI has added by now. A browser sends no key when it opens a page.
        needs(Role.READ, scoped=True, local=True)(route.endpoint)  # type: ignore[attr-defined]
    # Routes are tried in this order, by the framework and by `find_route`: what is asked for most comes first.
    for module in (*_OF_COLLECTIONS, writing, figures, maintenance, snapshots):
        app.include_router(
            module.router, prefix="/v1/collections/{collection}", dependencies=[Depends(collections.named)]
        )
        if module in _OF_COLLECTIONS:
            app.include_router(module.router, prefix="/v1")
    app.include_router(index.router, prefix="/v1")
    for module in (collections, aliases, jobs, health, prometheus, page):
        app.include_router(module.router)
    problems.install(app)
    openapi.install(app)
    # The last one added is the outermost, so that refusals also get a line in the log and CORS headers.
    if owner is not None:
        app.add_middleware(PassedOn, socket=owner, every=FOLLOWED_EVERY, retry_after=settings.retry_after)
    app.add_middleware(Unpacked)
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        bulk_bytes=settings.max_bulk_bytes,
        timeout=settings.request_timeout,
    )
    app.add_middleware(Compressed)
    app.add_middleware(Access, guard=guard)
    app.add_middleware(Entrance, hosts=settings.allow_hosts, origins=settings.cors_origins)
    if place is not Place.OWNER:  # what it does is counted by those that ask it
        app.add_middleware(Measured, metrics=metrics)
    if tracing is not None:
        app.add_middleware(Traced, tracing=tracing)
    app.add_middleware(Head)  # outside of all that looks at what a request is for
    app.add_middleware(RequestLog)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                *("Authorization", "Content-Encoding", "Content-Type", "X-Request-ID", "traceparent"),
                *("If-Match", "If-None-Match"),
            ],
            expose_headers=["ETag", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID"],
        )
    if settings.root_path:
        app.add_middleware(Prefix, path=settings.root_path)
    return app

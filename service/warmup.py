"""Readiness: the server answers at once, and reports ready when kernels and encoder are warm."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from threading import Thread
from time import perf_counter

from lsr.core.errors import LsrError
from lsr.search.flat import plan_of
from lsr.search.plan import RerankSettings, SearchPlan
from lsr.service.backend import SearchBackend, Served
from lsr.service.http.errors import NotReadyError

logger = logging.getLogger("lsr.service")


class WarmUp:
    """Warms up what is served in a separate thread, and withholds it until that is done."""

    def __init__(self, served: Served, rerank: str = "") -> None:
        """`rerank` is the model with which searches may be re-ranked, or ""."""
        self._served = served
        self._rerank = rerank
        self._ready = False
        self._failure: str | None = None
        # A daemon thread, so that stopping the server never waits for a compiler or for a model to load.
        self._thread = Thread(target=self._run, name="lsr-warm-up", daemon=True)
        self._done: Future[None] = Future()

    def start(self) -> None:
        """Begin, and return at once."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has succeeded or failed."""
        self._thread.join(timeout)

    async def done(self, timeout: float) -> None:
        """Wait until it has succeeded or failed, or `timeout` seconds are over."""
        if not self._done.done():
            await asyncio.wait([asyncio.wrap_future(self._done)], timeout=timeout)

    def check(self) -> None:
        """Raise NotReadyError, which says whether waiting will help, until it has succeeded."""
        if self._failure is not None:
            raise NotReadyError(f"the warm-up failed, so the server must be restarted: {self._failure}")
        if not self._ready:
            raise NotReadyError("the index and the model are warming up: try again in a moment")

    def _run(self) -> None:
        try:
            self._warm_up()
        finally:
            self._done.set_result(None)

    def _warm_up(self) -> None:
        start = perf_counter()
        try:
            backend = self._served.now()
            backend.warm_up()
            if self._rerank:
                backend.warm_up(SearchPlan(rerank=RerankSettings(model=self._rerank)))
        except LsrError as error:
            self._failure = error.message()
            logger.error("warm-up failed: %s", self._failure)
        except Exception as error:
            logger.exception("warm-up failed")
            self._failure = f"{type(error).__name__}: {error}"
        else:
            self._warm_up_dense(backend)
            logger.info("ready after %.1f s: %s documents", perf_counter() - start, f"{len(backend.index):,}")
            self._ready = True

    def _warm_up_dense(self, backend: SearchBackend) -> None:
        """Warm up what hybrid search needs in addition. Sparse search works without it."""
        if "dense" not in backend.index.parts:
            return
        try:
            backend.warm_up(plan_of("hybrid"))
        except LsrError as error:
            logger.warning("searches with dense vectors will fail: %s", error.message())
        except Exception:  # whatever it is, sparse search can still work
            logger.exception("searches with dense vectors will fail")

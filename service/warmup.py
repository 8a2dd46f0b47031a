"""Readiness: the server answers at once, and reports ready when kernels and encoders are warm."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Event, Thread
from time import perf_counter
from typing import Any

from lsr.core.errors import LsrError
from lsr.index import Index
from lsr.search.flat import plan_of
from lsr.search.models import encoder_of_part
from lsr.service.backend import SearchBackend
from lsr.service.collections.root import Root
from lsr.service.collections.served import ServedCollection
from lsr.service.http.errors import NotReadyError, OverloadedError, TimedOutError

logger = logging.getLogger("lsr.service")

# Seconds between two looks for what others have made.
LOOKED_EVERY = 0.5


class WarmUp:
    """Warms up collections in a separate thread, one after another, and withholds each until that is done.

    It goes on to look for collections that other processes make, or encode by another model. These are not withheld:
    whoever asks before they are warm waits for what it needs itself, and is told so where that takes too long.
    """

    def __init__(self, root: Root, rerank: str = "") -> None:
        """`rerank` is the model with which searches may be re-ranked, or ""."""
        self._root = root
        self._rerank = rerank
        self._ready: set[str] = set()
        self._warming: set[str] = set()
        self._failures: dict[str, str] = {}
        # What each was warmed up for, whether or not that went well.
        self._tried: dict[str, Any] = {}
        self._ended = Event()
        # A daemon thread, so that stopping the server never waits for a compiler or for a model to load.
        self._thread = Thread(target=self._run, name="lsr-warm-up", daemon=True)
        self._done: Future[None] = Future()

    def start(self) -> None:
        """Begin, and return at once."""
        self._thread.start()

    def close(self) -> None:
        """Look for nothing more."""
        self._ended.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until all that there were at the start were tried."""
        wait([self._done], timeout)

    async def done(self, timeout: float) -> None:
        """Wait for the same, or until `timeout` seconds are over."""
        if not self._done.done():
            await asyncio.wait([asyncio.wrap_future(self._done)], timeout=timeout)

    def check(self, name: str | None = None) -> None:
        """Raise NotReadyError, which says whether waiting will help, until a collection is warm.

        Without a name, until all are; those that failed do not keep the others from being served.
        """
        if name in self._ready:
            return
        failure = next(iter(self._failures.values()), None) if name is None else self._failures.get(name)
        if failure is not None and (name is not None or (self._done.done() and not self._ready)):
            raise NotReadyError(f"the warm-up failed, so the server must be restarted: {failure}")
        if not self._done.done():
            raise NotReadyError("the index and the model are warming up: try again in a moment")

    def is_warming(self, name: str) -> bool:
        """Whether a collection is being warmed up now, so that a search of it may wait for a compiler or a model."""
        return name in self._warming

    def warm(self, collection: ServedCollection) -> None:
        """Warm up one collection, now; what went wrong is logged, and said to who asks for it."""
        self._warming.add(collection.name)
        try:
            self._warm(collection)
        finally:
            self._warming.discard(collection.name)

    def _warm(self, collection: ServedCollection) -> None:
        start = perf_counter()
        self._tried[collection.name] = _models_of(collection)
        try:
            backend = self._warmed(collection)
        except LsrError as error:
            self._failures[collection.name] = error.message()
            logger.error("warm-up of %s failed: %s", collection.name, error.message())
        except Exception as error:
            logger.exception("warm-up of %s failed", collection.name)
            self._failures[collection.name] = f"{type(error).__name__}: {error}"
        else:
            self._warm_up_dense(backend)
            seconds, documents = perf_counter() - start, f"{len(backend.index):,}"
            logger.info("%s is ready after %.1f s: %s documents", collection.name, seconds, documents)
            self._failures.pop(collection.name, None)
            self._ready.add(collection.name)

    def _warmed(self, collection: ServedCollection) -> SearchBackend:
        """Warm up, and again where others that it depends on, such as shards, were not there in time: they may come."""
        while True:
            try:
                return collection.warm_up(self._rerank)
            except (TimedOutError, OverloadedError) as error:
                logger.warning("%s is not warm yet: %s", collection.name, error.message())
                if self._ended.wait(LOOKED_EVERY):
                    raise

    def _run(self) -> None:
        try:
            self._look()
        finally:
            self._done.set_result(None)
        # What is in a folder may be changed by others, whichever process of the server this is.
        while self._root.folder is not None and not self._ended.wait(LOOKED_EVERY):
            with suppress(OSError):  # of a folder that cannot be looked into now
                self._look()

    def _look(self) -> None:
        """Warm up what is new, or of another model than it was."""
        for name in self._root.names():
            if self._ended.is_set():
                return
            try:
                collection = self._root.find(name)
            except LsrError:  # removed meanwhile
                continue
            if name not in self._tried or self._tried[name] != _models_of(collection):
                self.warm(collection)

    def _warm_up_dense(self, backend: SearchBackend) -> None:
        """Warm up what hybrid search needs in addition. Sparse search works without it."""
        if "dense" not in backend.index.parts:
            return
        try:
            backend.warm_up(plan_of("hybrid"))
        except LsrError as error:
            logger.warning("dense vectors can be searched by vectors alone, not by texts: %s", error.message())
        except Exception:  # whatever it is, sparse search can still work
            logger.exception("searches with dense vectors will fail")


def _models_of(collection: ServedCollection) -> Any:
    """Which models a collection is of now; None if it cannot be read."""
    try:
        index = collection.now().index
    except (LsrError, OSError):
        return None
    return index.encoder, encoder_of_part(index, "dense") if isinstance(index, Index) else None

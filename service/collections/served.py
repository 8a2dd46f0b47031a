"""One collection as it is served: read by all, and written to by this process once somebody writes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from lsr.collection.collection import Collection
from lsr.core.errors import ConflictError, InputError, LogStoppedError, LsrError, NotFoundError, OutputExistsError
from lsr.index.format.manifest import has_manifest
from lsr.search.live import LiveRetriever
from lsr.search.models import Models
from lsr.search.plan import RerankSettings, SearchPlan
from lsr.service.backend import SearchBackend, Served
from lsr.service.metrics.collections import CollectionFigures

T = TypeVar("T")

# Finds nothing. Arrow loads pandas, if it is there, when it is first given a Python value, as filters give it, which
# takes a quarter of a second.
_OF_FIELDS = SearchPlan(filter='_id = ""', facets="_id", sort="_id")

logger = logging.getLogger("lsr.service")


class ServedCollection:
    """A collection with its name. It is opened when it is first read, and for writing when it is first written to.

    From then on this process holds the writer's lock, and what was written is in the next answer at once. Safe to use
    from several threads.

    Attributes:
        name: by which it is asked for.
        path: its folder; None for a retriever that the server was given.
    """

    def __init__(
        self,
        name: str,
        path: Path | None,
        *,
        model: str | None = None,
        device: str | None = None,
        models: Models | None = None,
    ) -> None:
        """`model`, `device` and `models` as for `Retriever`."""
        self.name, self.path = name, path
        self._model, self._device, self._models = model, device, models
        self._opening = RLock()
        self._served: Served | None = None
        self._reader: LiveRetriever | None = None
        self._collection: Collection | None = None
        self._gone = False

    @classmethod
    def of(cls, retriever: SearchBackend | LiveRetriever, name: str = "index") -> ServedCollection:
        """One that is read by a retriever, and not written to."""
        made = cls(name, None)
        made._served = Served(retriever)
        return made

    def __repr__(self) -> str:
        return f"ServedCollection({self.name!r})"

    # -- reading -----------------------------------------------------------------------------------------------------

    def now(self) -> SearchBackend:
        """What a request that begins now searches, and goes on to search until its end. Raises as `Index.open`."""
        served = self._served
        if served is None:
            with self._opening:
                served = self._served or self._open()
        return served.now()

    def _open(self) -> Served:
        if self._gone or self.path is None:
            raise NotFoundError(f"the collection {self.name!r} is no longer there")
        options: dict[str, Any] = {"model": self._model, "device": self._device, "models": self._models}
        self._reader = LiveRetriever.follow(self.path, gathers=True, **options)
        self._served = Served(self._reader)
        return self._served

    def warm_up(self, rerank: str = "") -> SearchBackend:
        """Load and compile what searches need; `rerank` as in the settings."""
        backend = self.now()
        backend.warm_up()
        try:
            backend.warm_up(_OF_FIELDS)
        except InputError as error:  # a large index without columns of fields, which is searched all the same
            logger.warning("searches of %s with filters, facets or an order will fail: %s", self.name, error.message())
        if rerank:
            backend.warm_up(SearchPlan(rerank=RerankSettings(model=rerank)))
        return backend

    def figures(self) -> CollectionFigures | None:
        """What metrics say of it; None if it cannot be read, or is none that says something of itself."""
        try:
            collection = self._collection
            building = None if collection is None else int(collection.building)
            return CollectionFigures.of(self.now().index.describe(), merges_running=building)
        except (LsrError, OSError) as error:
            logger.warning("metrics without the collection %s: %s", self.name, error)
            return None

    @property
    def is_there(self) -> bool:
        """Whether it can be found: it has a manifest, or there is none to have."""
        return self.path is None or has_manifest(self.path)

    # -- writing -----------------------------------------------------------------------------------------------------

    def writer(self) -> Collection:
        """The collection, opened for writing. ConflictError if this server may not write to it, or another does."""
        with self._opening:
            if self._collection is not None:
                return self._collection
            if self.path is None or self._model is not None:
                why = "was given a retriever" if self.path is None else f"searches by another model ({self._model})"
                raise ConflictError(
                    f"the collection {self.name!r} is only read here: this server {why}",
                    remedies=["write through a server that was started with the collection alone"],
                )
            self._check_there()
            if self._reader is None:
                self._open()
            assert self._reader is not None
            try:
                collection = Collection.open(self.path, device=self._device, retriever=self._reader.latest)
            except OutputExistsError as error:
                raise ConflictError(error.problem, remedies=error.remedies) from None
            self._served, self._reader = Served(collection.live), None
            self._collection = collection
            return collection

    def write(self, work: Callable[[Collection], T]) -> T:
        """Write to the collection. Raises as `writer`, what `work` raises, and NotFoundError once it was removed."""
        collection = self.writer()
        try:
            return work(collection)
        except LogStoppedError:
            # It takes nothing more until it is opened again, which the next write does.
            with self._opening:
                if self._collection is collection:
                    self._close()
            raise
        except LsrError:
            self._check_there()
            raise

    @property
    def writes(self) -> bool:
        """Whether it is open for writing."""
        return self._collection is not None

    def close(self, *, gone: bool = False) -> None:
        """Make all writes safe and let others write; it is opened again when it is needed, unless it is `gone`."""
        with self._opening:
            self._gone = gone
            self._close()

    def _close(self) -> None:
        collection, self._collection = self._collection, None
        if self.path is not None:
            self._served = self._reader = None
        if collection is not None:
            collection.close()

    def _check_there(self) -> None:
        if self._gone or not self.is_there:
            raise NotFoundError(f"the collection {self.name!r} is no longer there")

"""What the handlers share: settings, threads and the collections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request, Response

from lsr.collection.collection import Collection
from lsr.core.errors import NotFoundError
from lsr.service.backend import SearchBackend
from lsr.service.cache import AnswerCache
from lsr.service.collections.jobs import Jobs
from lsr.service.collections.root import Root
from lsr.service.collections.served import ServedCollection
from lsr.service.http.answers import Clock
from lsr.service.http.errors import NotReadyError, TimedOutError
from lsr.service.http.pool import WorkPool
from lsr.service.metrics.service import ServiceMetrics
from lsr.service.places.place import Place
from lsr.service.settings import ServiceSettings
from lsr.service.tracing.spans import Tracing, ago
from lsr.service.warmup import WarmUp

T = TypeVar("T")


@dataclass
class Service:
    """What is served.

    Attributes:
        pool: threads that search; writes: those that write, so that searches do not wait for them; jobs: long work.
        cache: the answers of searches; metrics: counts what is done; tracing: is told of it as well, or None.
        patient: whether requests wait for the warm-up, which one of them has begun, instead of being turned away.
    """

    settings: ServiceSettings
    root: Root
    pool: WorkPool
    writes: WorkPool
    warm_up: WarmUp
    jobs: Jobs
    cache: AnswerCache
    metrics: ServiceMetrics
    tracing: Tracing | None = None
    patient: bool = False

    @classmethod
    def start(
        cls,
        root: Root,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        tracing: Tracing | None = None,
        *,
        place: Place = Place.ALONE,
        patient: bool = False,
    ) -> Service:
        """Threads for what is served, which begins to warm up, but where it is only written to."""
        pool, writes = WorkPool(settings.threads, settings.queue), WorkPool(settings.threads, settings.queue)
        metrics.watch(queue=lambda: pool.waiting, busy=lambda: pool.working)
        jobs = Jobs(lambda: root.kept("jobs"), root.hide)
        if place is not Place.READER and jobs.resume():
            root.tidy()
        warm_up = WarmUp(root, settings.rerank)
        cache = AnswerCache(settings.cache_bytes, metrics)
        service = cls(settings, root, pool, writes, warm_up, jobs, cache, metrics, tracing, patient=patient)
        if place is not Place.OWNER:
            service.warm_up.start()
        return service

    def close(self) -> None:
        """Finish what was accepted, make it safe, and let others write."""
        self.warm_up.close()
        self.jobs.close()
        self.pool.close()
        self.writes.close()
        self.root.close()

    def collection(self, request: Request) -> ServedCollection:
        """The collection that a request is about: of the name in its path or, without one, the only one.

        NotFoundError if there is none that the request's key may see.
        """
        name = request.path_params.get("collection")
        return self.root.alone() if name is None else self.root.find(name, sees_of(request))

    async def answer(self, request: Request, work: Callable[[SearchBackend, Clock], bytes]) -> Response:
        """Run `work` on the request's collection in a thread, and return its JSON.

        Raises its errors, NotFoundError, UnavailableError and ClientGoneError.
        """
        return json_response(await self.ask(request, work))

    async def ask(self, request: Request, work: Callable[[SearchBackend, Clock], T]) -> T:
        """Run `work` on the request's collection in a thread. Raises as `answer`."""
        await self.warmed()
        collection = self.collection(request)
        self.warm_up.check(collection.name)
        clock = Clock()

        def timed() -> T:
            clock.begin()
            return work(self._now(request, collection), clock)

        try:
            found = await self.run(request, timed)
        except TimedOutError:
            # The first search on a machine waits for the compiler: that is over soon, however much was asked for.
            if self.warm_up.is_warming(collection.name):
                raise NotReadyError("the collection and its models are warming up: try again in a moment") from None
            raise
        self._tell(request, clock)
        return found

    def _now(self, request: Request, collection: ServedCollection) -> SearchBackend:
        """What is searched: where an alias was swapped, and what it stood for removed meanwhile, the other one."""
        while True:
            try:
                return collection.now()
            except NotFoundError:
                other = self.collection(request)
                if other is collection:
                    raise
                collection = other

    async def run(self, request: Request, work: Callable[[], T]) -> T:
        """Run `work` in a thread that searches, in the time of a request. Raises as `answer`."""
        return await self.pool.run(work, timeout=self.settings.request_timeout, gone=disconnected(request))

    async def write(self, request: Request, work: Callable[[Collection], T]) -> T:
        """Run `work` on the request's collection, opened for writing. Raises as `answer`, and ConflictError."""
        collection = self.collection(request)
        return await self.change(request, lambda: collection.write(work))

    async def change(self, request: Request, work: Callable[[], T]) -> T:
        """Run `work` in a thread that writes, however long it takes. Raises as `answer`."""
        return await self.writes.run(work, timeout=None, gone=disconnected(request))

    async def warmed(self) -> None:
        """Wait for the warm-up where requests do."""
        if self.patient:
            await self.warm_up.done(self.settings.request_timeout)

    def _tell(self, request: Request, clock: Clock) -> None:
        """Tell metrics and traces of the stages of some work that is done."""
        stages = {"queue": clock.queue_ms, **clock.stages_ms}
        self.metrics.worked(clock.mode, stages)
        span = request.scope["state"].get("span")
        if self.tracing is not None and span is not None:
            self.tracing.stages(span, ago(clock.total_ms), stages, {"lsr.mode": clock.mode})


def service_of(request: Request) -> Service:
    """The service that handles the request.

    It is started here if nothing has run the application's lifespan, as an application that mounts it does not.
    """
    state = request.app.state
    if state.service is None:
        state.service = Service.start(state.root, state.settings, state.metrics, state.tracing, patient=True)
    service = state.service
    assert isinstance(service, Service)
    return service


def sees_of(request: Request) -> Callable[[str], bool]:
    """Which collections who asks may know of, by name: `request.state.sees`, where something has set it, else all."""
    sees: Callable[[str], bool] = getattr(request.state, "sees", _all)
    return sees


def json_response(body: bytes, status: int = 200, **headers: str) -> Response:
    """An answer of JSON."""
    return Response(body, status, headers, media_type="application/json")


async def disconnected(request: Request) -> None:
    """Return when the client has disconnected. The body has been read, so the next message can only mean that."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _all(name: str) -> bool:
    return True

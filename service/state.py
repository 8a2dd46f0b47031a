"""What the handlers share: settings, threads and the backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request, Response

from lsr.service.backend import SearchBackend, Served
from lsr.service.http.answers import Clock
from lsr.service.http.pool import WorkPool
from lsr.service.metrics.service import ServiceMetrics
from lsr.service.settings import ServiceSettings
from lsr.service.tracing.spans import Tracing, ago
from lsr.service.warmup import WarmUp


@dataclass
class Service:
    """One served index.

    Attributes:
        metrics: counts what is done; tracing: is told of it as well, or None.
        patient: whether requests wait for the warm-up, which one of them has begun, instead of being turned away.
    """

    settings: ServiceSettings
    served: Served
    pool: WorkPool
    warm_up: WarmUp
    metrics: ServiceMetrics
    tracing: Tracing | None = None
    patient: bool = False

    @classmethod
    def start(
        cls,
        served: Served,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        tracing: Tracing | None = None,
        *,
        patient: bool = False,
    ) -> Service:
        """Threads for what is served, which begins to warm up."""
        pool, warm_up = WorkPool(settings.threads, settings.queue), WarmUp(served, settings.rerank)
        metrics.watch(queue=lambda: pool.waiting, busy=lambda: pool.working)
        service = cls(settings, served, pool, warm_up, metrics, tracing, patient=patient)
        service.warm_up.start()
        return service

    async def answer(self, request: Request, work: Callable[[SearchBackend, Clock], bytes]) -> Response:
        """Run `work` in a thread and return its JSON. Raises its errors, UnavailableError and ClientGoneError."""
        if self.patient:
            await self.warm_up.done(self.settings.request_timeout)
        self.warm_up.check()
        clock = Clock()

        def timed() -> bytes:
            clock.begin()
            return work(self.served.now(), clock)

        body = await self.pool.run(timed, timeout=self.settings.request_timeout, gone=_disconnected(request))
        self._tell(request, clock)
        return Response(body, media_type="application/json")

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
        state.service = Service.start(state.served, state.settings, state.metrics, state.tracing, patient=True)
    service = state.service
    assert isinstance(service, Service)
    return service


async def _disconnected(request: Request) -> None:
    """Return when the client has disconnected. The body has been read, so the next message can only mean that."""
    while (await request.receive())["type"] != "http.disconnect":
        pass

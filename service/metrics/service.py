"""All metrics of a service, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from lsr.service.metrics.collections import CollectionFigures, CollectionMetrics

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
NO_ROUTE = "other"
"""The route of requests for a path or a method that there is not; and the method of those that no HTTP server knows."""

_OF_STATUS = {
    400: "malformed",
    403: "origin",
    408: "slow",
    413: "too-large",
    414: "too-large",
    415: "media-type",
    421: "host",
    429: "overloaded",
    431: "too-large",
    503: "unavailable",
}


class ServiceMetrics:
    """Counters, histograms and gauges of one process.

    Labels have few values, whatever clients send: a route is a path with the names of its parameters, and stages, modes
    and reasons are words of this program. Gauges whose values others hold are read when they are asked for, by
    callbacks (`watch`), so that a process may give those of another.

    Attributes:
        registry: with all of them.
        told: what is answered for them: these, or those of several processes.
        cache_hits, cache_misses: counted by the name of a cache.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.told: Collector = registry
        self._requests = Counter(
            "lsr_http_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "lsr_http_request_duration_seconds",
            "From a request's head to the end of its answer.",
            ["route", "method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._stages = Histogram(
            "lsr_stage_duration_seconds",
            "Of the work for a request: waiting for a thread, and each stage of a search.",
            ["stage", "mode"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge("lsr_http_requests_in_flight", "Requests being answered.", registry=registry)
        self._queue = Gauge("lsr_queue_length", "Requests that wait for a thread.", registry=registry)
        self._busy = Gauge("lsr_threads_busy", "Threads that search or encode.", registry=registry)
        self._connections = Gauge("lsr_connections_open", "Open connections.", registry=registry)
        self._refused = Counter(
            "lsr_http_requests_refused", "Requests that were turned away.", ["reason"], registry=registry
        )
        self.cache_hits = Counter(
            "lsr_cache_hits", "Answers, or parts of them, out of a cache.", ["cache"], registry=registry
        )
        self.cache_misses = Counter(
            "lsr_cache_misses", "What was looked for in a cache and not found.", ["cache"], registry=registry
        )
        self._cache_bytes = Gauge("lsr_cache_bytes", "Memory that a cache takes.", ["cache"], registry=registry)
        ProcessCollector(registry=registry)

    def watch(
        self,
        *,
        queue: Callable[[], float] | None = None,
        busy: Callable[[], float] | None = None,
        connections: Callable[[], float] | None = None,
        cache_bytes: Mapping[str, Callable[[], float]] | None = None,
    ) -> None:
        """Say where the values of gauges are read; those not given stay as they are. Caches have names."""
        for gauge, value in ((self._queue, queue), (self._busy, busy), (self._connections, connections)):
            if value is not None:
                gauge.set_function(value)
        for name, value in (cache_bytes or {}).items():
            self._cache_bytes.labels(name).set_function(value)

    def watch_collections(self, figures: Callable[[], Mapping[str, CollectionFigures]]) -> None:
        """Say where the state of collections is looked up."""
        self.registry.register(CollectionMetrics(figures))

    def answered(self, route: str | None, method: str, status: int, seconds: float, refused: str | None = None) -> None:
        """Count a request; `refused` says why, where more is known than the status."""
        route, method = route or NO_ROUTE, method if method in _METHODS else NO_ROUTE
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route, method).observe(seconds)
        self.refused(status, refused)

    def refused(self, status: int, reason: str | None = None) -> None:
        """Count a refusal by its reason, or what its status says of it; nothing for a status that is none."""
        reason = reason or _OF_STATUS.get(status)
        if reason is not None:
            self._refused.labels(reason).inc()

    def worked(self, mode: str, stages_ms: Mapping[str, float]) -> None:
        """Count the stages of the work for a request, in milliseconds."""
        for stage, milliseconds in stages_ms.items():
            self._stages.labels(stage, mode).observe(milliseconds / 1e3)

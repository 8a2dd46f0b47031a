"""The spans of a request."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any, Self
from urllib.parse import urlsplit

from lsr.core.errors import MissingDependencyError

_LAST_SECONDS = 2.0


class Tracing:
    """Makes spans and hands them to a processor of OpenTelemetry's SDK."""

    def __init__(self, processor: Any) -> None:
        """`processor`: a `SpanProcessor`. MissingDependencyError without the SDK."""
        with _needed():
            from opentelemetry.sdk.resources import SERVICE_NAME, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        # What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say goes first.
        resource = Resource.create()
        if str(resource.attributes.get(SERVICE_NAME, "unknown_service")).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "lsr"}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("lsr.service")
        self._kind = SpanKind.SERVER
        self._beneath = set_span_in_context
        self._failed = Status(StatusCode.ERROR)
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def to(cls, url: str) -> Self:
        """Send spans in batches to a receiver of OTLP over HTTP; without a path, to its `/v1/traces`."""
        with _needed():
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        if urlsplit(url).path in ("", "/"):
            url = f"{url.rstrip('/')}/v1/traces"
        return cls(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))

    @contextmanager
    def request(self, name: str, headers: Mapping[str, str], attributes: Mapping[str, Any]) -> Iterator[Any]:
        """The span of a request, part of the trace that its headers name (`traceparent`)."""
        context = self._propagator.extract({name.lower(): value for name, value in headers.items()})
        span = self._tracer.start_span(name, context, kind=self._kind, attributes=dict(attributes))
        try:
            yield span
        finally:
            span.end()

    def answered(self, span: Any, status: int) -> None:
        """Note the status of an answer; one of the server's fault makes the span a failed one."""
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(self._failed)

    def stages(self, parent: Any, began_ns: int, stages_ms: Mapping[str, float], attributes: Mapping[str, Any]) -> None:
        """Spans below another for stages that are over, one after the other from a moment on."""
        context = self._beneath(parent)
        at = began_ns
        for stage, milliseconds in stages_ms.items():
            span = self._tracer.start_span(stage, context, start_time=at, attributes=dict(attributes))
            at += int(milliseconds * 1e6)
            span.end(at)

    def close(self) -> None:
        """Send what is left, but do not wait long for a receiver that does not answer."""
        sending = Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(_LAST_SECONDS)


def ago(milliseconds: float) -> int:
    """The moment so many milliseconds ago, in nanoseconds since 1970."""
    return time.time_ns() - int(milliseconds * 1e6)


@contextmanager
def _needed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"traces need {error.name}, which is not installed: pip install 'lsr-engine[tracing]'"
        ) from error

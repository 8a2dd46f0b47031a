"""Spans of requests, in memory and as a receiver gets them."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app
from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore
from lsr.service.tracing.spans import Tracing

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def client_of(exporter: InMemorySpanExporter, searcher: FakeSearcher | None = None, **options: Any) -> TestClient:
    app = create_app(
        searcher or FakeSearcher(), name="books", tracing=Tracing(SimpleSpanProcessor(exporter)), **options
    )
    return TestClient(app, raise_server_exceptions=False)


def test_a_search_is_a_span_with_its_stages_below(exporter: InMemorySpanExporter) -> None:
    with client_of(exporter) as client:
        response = client.get("/v1/search?q=date", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        assert response.status_code == 200
    *stages, request = exporter.get_finished_spans()
    assert request.name == "GET /v1/search" and request.kind is SpanKind.SERVER
    assert format(request.context.trace_id, "032x") == TRACE
    assert request.parent is not None and format(request.parent.span_id, "016x") == PARENT
    assert request.attributes is not None
    assert dict(request.attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/v1/search",
        "http.response.status_code": 200,
        "lsr.collection": "books",
    }
    assert [stage.name for stage in stages] == ["queue", "encode", "search"]
    assert all(stage.parent is not None and stage.parent.span_id == request.context.span_id for stage in stages)
    assert all(stage.attributes == {"lsr.mode": "exact"} for stage in stages)
    ends = [request.start_time]
    for stage in stages:
        assert ends[-1] is not None and stage.start_time is not None and stage.start_time >= ends[-1] - 1
        ends.append(stage.end_time)
    assert stages[2].end_time - stages[2].start_time == 200_000  # type: ignore[operator]
    assert request.resource.attributes["service.name"] == "lsr"


def test_refused_and_failed_requests_have_spans_too(exporter: InMemorySpanExporter, tmp_path: Any) -> None:
    store = KeyStore(tmp_path)
    secret, key = store.create(Role.READ)

    def fail(text: str) -> None:
        raise ZeroDivisionError

    with client_of(exporter, FakeSearcher(fail), keys=store) as client:
        client.get("/v1/index")
        client.get("/nothing/at/all")
        client.get("/v1/search?q=date", headers={"Authorization": f"Bearer {secret}"})
    refused, lost, failed = (span for span in exporter.get_finished_spans() if span.kind is SpanKind.SERVER)
    assert refused.attributes is not None and refused.attributes["lsr.refused"] == "key-missing"
    assert refused.parent is None and refused.status.status_code is StatusCode.UNSET
    assert lost.name == "HTTP"
    assert failed.attributes is not None and failed.attributes["lsr.key"] == key.id
    assert failed.status.status_code is StatusCode.ERROR
    assert secret not in str([span.to_json() for span in (refused, lost, failed)])


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A receiver of OTLP over HTTP: its URL, and what it was sent."""
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            coded = self.headers.get("Content-Encoding") == "gzip"
            received.append((self.path, gzip.decompress(body) if coded else body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", received
        server.shutdown()
        thread.join(PATIENCE)


def test_a_receiver_gets_the_spans_by_the_end(receiver: tuple[str, list[tuple[str, bytes]]]) -> None:
    url, received = receiver
    with TestClient(create_app(FakeSearcher(), ServiceSettings(tracing=url))) as client:
        assert client.get("/v1/search?q=date", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}).status_code == 200
    assert {path for path, _ in received} == {"/v1/traces"}
    names = []
    for _, body in received:
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for of_scope in of_resource.scope_spans:
                names += [span.name for span in of_scope.spans if span.trace_id.hex() == TRACE]
    assert sorted(names) == ["GET /v1/search", "encode", "queue", "search"]


@pytest.mark.process
def test_nothing_of_it_is_loaded_when_it_is_off() -> None:
    script = (
        "import sys; from lsr.service import ServiceSettings, create_app; create_app(object(), ServiceSettings());"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # The interface alone may be, by FastAPI.
    assert done.stdout == "[]\n"

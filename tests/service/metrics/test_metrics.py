"""What is counted, and that labels stay few."""

from __future__ import annotations

import pickle
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_searcher import FakeIndex, FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from raw_http import exchange, running

from lsr.core.errors import IndexFormatError
from lsr.service import ServiceSettings, create_app
from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore
from lsr.service.metrics.collections import CollectionFigures
from lsr.service.metrics.merging import Merged
from lsr.service.metrics.service import ServiceMetrics


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = create_app(FakeSearcher(), ServiceSettings(max_body_bytes=2000), name="books")
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def asked(client: TestClient) -> Any:
    response = client.get("/metrics")
    assert response.status_code == 200 and response.headers["content-type"].startswith("text/plain")
    found = values(response.text)

    def value(name: str, **labels: str) -> float | None:
        return found.get((name, tuple(sorted(labels.items()))))

    value.all = found  # type: ignore[attr-defined]
    return value


def test_requests_are_counted_by_route_and_never_by_path(client: TestClient) -> None:
    for number in range(50):
        client.get(f"/v1/documents/no-{number}")
        client.get(f"/nothing/{number}")
        client.request(f"ODD{number}", "/v1/search")
    client.get("/v1/documents/json.dumps")
    value = asked(client)
    route = "/v1/documents/{id:anything}"
    assert value("lsr_http_requests_total", route=route, method="GET", status="404") == 50
    assert value("lsr_http_requests_total", route=route, method="GET", status="200") == 1
    assert value("lsr_http_requests_total", route="other", method="GET", status="404") == 50
    assert value("lsr_http_requests_total", route="other", method="other", status="405") == 50
    assert value("lsr_http_request_duration_seconds_count", route=route, method="GET") == 51
    assert not any(re.search(r"no-\d|/nothing|ODD", str(place)) for place in value.all)
    assert value("lsr_http_requests_in_flight") == 1  # the one that asks


def test_stages_of_searches_are_timed_by_mode(client: TestClient) -> None:
    client.get("/v1/search?q=date")
    client.get("/v1/search?q=date&mode=exhaustive")
    client.post("/v1/encode", json={"texts": ["date"]})
    value = asked(client)
    for stage in ("queue", "encode", "search"):
        assert value("lsr_stage_duration_seconds_count", stage=stage, mode="exact") == 1
        assert value("lsr_stage_duration_seconds_count", stage=stage, mode="exhaustive") == 1
    assert value("lsr_stage_duration_seconds_sum", stage="search", mode="exact") == pytest.approx(0.0002)
    assert value("lsr_stage_duration_seconds_count", stage="queue", mode="none") == 1


def test_refusals_are_counted_by_their_reason(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    secret, _ = store.create(Role.READ)
    app = create_app(FakeSearcher(), ServiceSettings(max_body_bytes=2000), keys=store)
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        client.get("/v1/index")
        client.get("/v1/index", headers={"Authorization": "Bearer x"})
        client.headers["Authorization"] = f"Bearer {secret}"
        client.get("/v1/index", headers={"Host": "evil.example"})
        client.get("/v1/index", headers={"Origin": "http://evil.example"})
        client.post("/v1/search", json={"text": "a" * 3000})
        client.post("/v1/search", content=b"{}", headers={"Content-Encoding": "br"})
        value = asked(client)
    reasons = ("key-missing", "key-wrong", "host", "origin", "too-large", "media-type")
    assert {reason: value("lsr_http_requests_refused_total", reason=reason) for reason in reasons} == dict.fromkeys(
        reasons, 1.0
    )


def test_what_is_no_request_is_counted_too() -> None:
    with running(FakeSearcher(), ServiceSettings(max_head_bytes=2000)) as (server, port):
        assert exchange(port, b"nonsense\r\n\r\n")[0].status == 400
        assert exchange(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nx: " + b"a" * 3000 + b"\r\n\r\n")[0].status == 431
        found = values(generate_latest(server.config.app.state.metrics.registry).decode())  # type: ignore[union-attr]
    reasons = {
        dict(labels)["reason"]: value for (name, labels), value in found.items() if name.endswith("refused_total")
    }
    assert reasons["malformed"] == 1 and reasons["too-large"] == 1


def test_what_waits_and_what_works_is_seen_while_every_thread_is_busy() -> None:
    gate, begun = threading.Event(), threading.Event()

    def search(text: str) -> None:
        begun.set()
        assert gate.wait(PATIENCE)

    app = create_app(FakeSearcher(search), ServiceSettings(search_threads=1, queue=5))
    with TestClient(app) as client:
        app.state.service.warm_up.join(PATIENCE)
        searches = [threading.Thread(target=client.get, args=("/v1/search?q=date",)) for _ in range(3)]
        for each in searches:
            each.start()
        assert begun.wait(PATIENCE)
        while (value := asked(client))("lsr_queue_length") != 2:
            pass
        assert value("lsr_threads_busy") == 1 and value("lsr_http_requests_in_flight") == 4
        gate.set()
        for each in searches:
            each.join(PATIENCE)
        value = asked(client)
        assert value("lsr_threads_busy") == value("lsr_queue_length") == 0


def test_collections_and_the_process_are_told_of(client: TestClient) -> None:
    value = asked(client)
    assert value("lsr_collection_documents", collection="books") == 3
    assert value("lsr_collection_segments", collection="books") == 1
    assert value("lsr_collection_merges_running", collection="books") is None  # not known here
    if Path("/proc/self/stat").exists():
        assert value("process_resident_memory_bytes") > 1 << 20


def test_a_collection_that_cannot_be_looked_at_is_left_out(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def describe(self: FakeIndex) -> Any:
        raise IndexFormatError("its manifest is gone")

    monkeypatch.setattr(FakeIndex, "describe", describe)
    value = asked(client)
    assert value("lsr_collection_documents", collection="books") is None and value("lsr_queue_length") == 0
    assert "its manifest is gone" in caplog.text


def test_figures_are_those_that_an_index_gives_of_itself() -> None:
    description = {
        "documents": 7,
        "deleted": 2,
        "segments": [{}, {}],
        "bytes": {"forward": 10, "log": 3, "manifest": 1, "total": 14},
    }
    assert CollectionFigures.of(description, merges_running=1) == CollectionFigures(7, 2, 2, 3, 14, 1)


def test_a_real_index_is_told_of(toy_index: Path) -> None:
    app = create_app(toy_index)
    families = {each.name: each for each in app.state.metrics.registry.collect()}
    [sample] = families["lsr_collection_bytes"].samples
    assert sample.labels == {"collection": toy_index.name}
    on_disk = sum(path.stat().st_size for path in toy_index.rglob("*") if path.is_file())
    assert 0.9 * on_disk <= sample.value <= on_disk


def test_several_processes_count_as_one() -> None:
    processes = []
    for number in (1, 2):
        metrics = ServiceMetrics()
        metrics.answered("/v1/search", "GET", 200, 0.02 * number)
        metrics.answered("/v1/search", "GET", 429, 0.02, "rate-requests")
        metrics.cache_hits.labels("queries").inc(number)
        metrics.watch(queue=lambda number=number: number, connections=lambda: 5)  # type: ignore[misc]
        # The one that writes is the first, and knows what it makes.
        merging = 1 if number == 1 else None
        metrics.watch_collections(lambda merging=merging: {"books": CollectionFigures(7, 2, 1, 3, 14, merging)})  # type: ignore[misc]
        # As it comes from another process.
        processes.append(pickle.loads(pickle.dumps(list(metrics.registry.collect()))))
    found = values(generate_latest(Merged(processes)).decode())  # type: ignore[arg-type]

    def value(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert value("lsr_http_requests_total", route="/v1/search", method="GET", status="200") == 2
    assert value("lsr_http_request_duration_seconds_bucket", route="/v1/search", method="GET", le="0.025") == 3
    assert value("lsr_http_request_duration_seconds_count", route="/v1/search", method="GET") == 4
    assert value("lsr_http_requests_refused_total", reason="rate-requests") == 2
    assert value("lsr_cache_hits_total", cache="queries") == 3
    assert value("lsr_queue_length") == 3 and value("lsr_connections_open") == 10
    assert value("lsr_collection_documents", collection="books") == 7
    assert value("lsr_collection_merges_running", collection="books") == 1


def test_every_metric_is_explained_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(lsr_\w+)` \|", page, re.MULTILINE))
    metrics = ServiceMetrics()
    metrics.watch_collections(dict)
    names = set()
    for family in metrics.registry.collect():
        if family.name.startswith("lsr_"):
            names.add(family.name + ("_total" if family.type == "counter" else ""))
    assert listed == names

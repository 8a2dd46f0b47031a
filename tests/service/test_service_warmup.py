"""What others make is warmed up before it is asked for, and keeps nobody waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient
from patience import PATIENCE
from root_client import BIRDS, created, found, serving

from lsr.collection.collection import Collection
from lsr.index import IndexBuilder
from lsr.index.live import fields as live_fields
from lsr.search.plan import SearchPlan
from lsr.search.response import SearchResponse
from lsr.search.retriever import Retriever
from lsr.service import ServiceSettings, create_app, warmup
from lsr.service.backend import SearchBackend
from lsr.service.collections.served import ServedCollection
from lsr.service.places.place import Place
from lsr.vectors.sparse import SparseVectors


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def warmed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """The collections that were warmed up, each with the model that it was of."""
    told: list[tuple[str, str | None]] = []
    warm_up = ServedCollection.warm_up

    def noted(self: ServedCollection, rerank: str = "") -> SearchBackend:
        backend = warm_up(self, rerank)
        told.append((self.name, backend.model))
        return backend

    monkeypatch.setattr(ServedCollection, "warm_up", noted)
    monkeypatch.setattr(warmup, "LOOKED_EVERY", 0.01)
    return told


@pytest.fixture
def reader(tmp_path: Path, warmed: list[tuple[str, str | None]]) -> Iterator[TestClient]:
    """A process that reads, of a folder in which there is nothing yet."""
    app = create_app(tmp_path, ServiceSettings(search_threads=2), place=Place.READER)
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def test_a_collection_that_another_process_makes(
    reader: TestClient, tmp_path: Path, warmed: list[tuple[str, str | None]]
) -> None:
    assert warmed == []
    with Collection.create(tmp_path / "birds", model="bm25") as collection:
        until(lambda: ("birds", "bm25") in warmed)
        collection.add(BIRDS)
        until(lambda: found(reader, "birds", "migrate") == ["tern", "stork"])
        # Another model: its weights are read before somebody asks.
        collection.reindex("splade-tiny", weight_scale=0.02)
        until(lambda: ("birds", "splade-tiny") in warmed)
        collection.delete("owl")
        until(lambda: found(reader, "birds", "owls") != ["owl"])
    assert warmed == [("birds", "bm25"), ("birds", "splade-tiny")]  # and not at every write


def test_nobody_waits_for_it(tmp_path: Path, reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_end = Event(), Event()

    def slow(self: ServedCollection, rerank: str = "") -> SearchBackend:
        began.set()
        assert may_end.wait(PATIENCE)
        return self.now()

    with monkeypatch.context() as patched:
        patched.setattr(ServedCollection, "warm_up", slow)
        for name in ("birds", "more"):
            with Collection.create(tmp_path / name, model="bm25") as collection:
                collection.add(BIRDS)
        assert began.wait(PATIENCE)
        try:
            for name in ("birds", "more"):
                until(lambda name=name: found(reader, name, "migrate") == ["tern", "stork"])  # type: ignore[misc]
            assert reader.get("/readyz").status_code == 200
        finally:
            may_end.set()


def test_a_search_that_waited_too_long_for_it_is_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, now = Event(), ServedCollection.now

    def slow(self: ServedCollection) -> SearchBackend:
        assert may_end.wait(PATIENCE)
        return now(self)

    monkeypatch.setattr(warmup, "LOOKED_EVERY", 0.01)
    app = create_app(tmp_path, ServiceSettings(request_timeout=0.05), place=Place.READER)
    with TestClient(app, raise_server_exceptions=False) as client:
        warm_up = app.state.service.warm_up
        warm_up.join(PATIENCE)
        monkeypatch.setattr(ServedCollection, "now", slow)
        try:
            Collection.create(tmp_path / "birds", model="bm25").close()
            until(lambda: warm_up.is_warming("birds"))
            early = client.get("/v1/collections/birds/search?q=a")
            may_end.set()
            until(lambda: not warm_up.is_warming("birds"))
            may_end.clear()
            late = client.get("/v1/collections/birds/search?q=a")
        finally:
            may_end.set()
    assert early.status_code == 503
    assert early.json()["type"].endswith(":not-ready")
    assert early.headers["Retry-After"] == "1"
    assert late.json()["type"].endswith(":timed-out")


def test_one_that_fails_is_told_once_and_keeps_no_other(
    tmp_path: Path, reader: TestClient, warmed: list[tuple[str, str | None]], caplog: pytest.LogCaptureFixture
) -> None:
    Collection.create(tmp_path / "whole", model="bm25").close()
    until(lambda: ("whole", "bm25") in warmed)
    Collection.create(tmp_path / "aside", model="bm25").close()
    (tmp_path / "aside" / "manifest.json").write_text("{")
    (tmp_path / "aside").rename(tmp_path / "broken")
    until(lambda: "warm-up of broken failed" in caplog.text)
    Collection.create(tmp_path / "later", model="bm25").close()
    until(lambda: ("later", "bm25") in warmed)
    assert caplog.text.count("warm-up of broken failed") == 1
    assert reader.get("/v1/collections/broken/search?q=a").status_code == 503
    assert found(reader, "whole", "a") == []


def test_the_process_that_makes_one_warms_it_up_itself_and_once(
    tmp_path: Path, warmed: list[tuple[str, str | None]]
) -> None:
    app = create_app(tmp_path, ServiceSettings(search_threads=2))
    with TestClient(app) as client:
        created(client, "birds", BIRDS)
        assert ("birds", "bm25") in warmed
        service = app.state.service
    service.warm_up._thread.join(PATIENCE)
    assert not service.warm_up._thread.is_alive()  # it ends with the server


def test_filters_facets_and_orders_are_warm_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[SearchPlan] = []
    search = Retriever.search

    def noted(self: Retriever, text: str | None, k: int, plan: SearchPlan | None = None) -> SearchResponse:
        plans.append(plan or SearchPlan())
        return search(self, text, k, plan)

    monkeypatch.setattr(Retriever, "search", noted)
    with Collection.create(tmp_path / "birds", model="bm25") as collection:
        collection.add(BIRDS)
    ServedCollection("birds", tmp_path / "birds").warm_up()
    assert any(plan.filter and plan.facets and plan.sort for plan in plans)


def test_a_large_index_without_columns_of_fields_is_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As one of vectors alone, or of an earlier version, is; it has nothing to be filtered by."""
    monkeypatch.setattr(live_fields, "MOST_IN_MEMORY", 1)
    vectors = SparseVectors.from_rows([([0, 1], [1.0, 2.0]), ([1], [1.0])], dim=4)
    with IndexBuilder(tmp_path / "vectors", dim=4) as builder:
        builder.add(vectors)
        builder.finish()
    with serving(tmp_path) as client:
        assert "facets or an order will fail" in caplog.text
        about = "/v1/collections/vectors"
        for path in ("/readyz", "/v1/collections", about, f"{about}/stats", f"{about}/documents/0", f"{about}/terms/0"):
            assert client.get(path).status_code == 200, path
        answer = client.post(f"{about}/search", json={"vector": {"1": 1.0}})
        assert [hit["id"] for hit in answer.json()["hits"]] == ["0", "1"]
        refused = client.post(f"{about}/search", json={"vector": {"1": 1.0}, "filter": "year = 2020"})
        assert refused.status_code == 422 and "no columns of its documents' fields" in refused.text

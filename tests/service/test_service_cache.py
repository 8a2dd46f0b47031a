"""Answers that are kept: those that a search would give now, and no more of them than fit."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE
from root_client import BIRDS, created, put, serving

from lsr.service import ServiceSettings, create_app
from lsr.service.cache import AnswerCache
from lsr.service.metrics.service import ServiceMetrics

LARGE = 1 << 20


class Snapshot:
    """What weak references can be made to."""


def cache_of(bytes: int) -> tuple[AnswerCache, ServiceMetrics]:
    metrics = ServiceMetrics()
    return AnswerCache(bytes, metrics), metrics


def sample(metrics: ServiceMetrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"cache": "answers"})


# -- the cache ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_of_one_snapshot_and_goes_with_it() -> None:
    cache, metrics = cache_of(LARGE)
    old, new = Snapshot(), Snapshot()
    cache.put(cache.key(old, {"text": "a"}), b"old")
    assert cache.get(cache.key(old, {"text": "a"})) == b"old"
    assert cache.get(cache.key(new, {"text": "a"})) is None
    cache.put(cache.key(new, {"text": "a"}), b"new")
    taken = cache.size
    key = cache.key(old, {"text": "b"})
    del old
    cache.put(key, b"too late")
    assert len(cache) == 1 and cache.size == taken / 2 == sample(metrics, "lsr_cache_bytes")
    assert cache.get(cache.key(new, {"text": "a"})) == b"new"
    del new
    assert len(cache) == cache.size == 0


def test_a_snapshot_in_the_place_of_one_that_has_gone_is_another() -> None:
    cache, _ = cache_of(LARGE)
    for _ in range(50):  # CPython gives the same place again
        snapshot = Snapshot()
        key = cache.key(snapshot, {})
        assert cache.get(key) is None
        cache.put(key, b"kept")
        del snapshot
    assert len(cache) == 0


def test_what_was_asked_for_longest_ago_makes_room() -> None:
    cache, _ = cache_of(10_000)
    snapshot = Snapshot()
    keys = [cache.key(snapshot, {"text": str(number)}) for number in range(40)]
    for key in keys[:5]:
        cache.put(key, bytes(100))
    for key in keys[5:]:
        assert cache.get(keys[0])
        cache.put(key, bytes(100))
        assert cache.size <= 10_000
    kept = [number for number, key in enumerate(keys) if cache.get(key)]
    assert kept == [0, *range(40 - len(kept) + 1, 40)] and 10 <= len(kept) < 40


def test_an_answer_as_large_as_many_others_is_not_kept() -> None:
    cache, _ = cache_of(10_000)
    snapshot = Snapshot()
    cache.put(cache.key(snapshot, {"text": "large"}), bytes(1_000))
    assert len(cache) == 0
    cache.put(cache.key(snapshot, {"text": "small"}), bytes(400))
    assert len(cache) == 1


def test_numbers_beyond_64_bits_are_told_apart() -> None:
    cache, _ = cache_of(LARGE)
    snapshot = Snapshot()
    assert len({cache.key(snapshot, {"a": number}) for number in (1, 1 << 70, (1 << 70) + 1)}) == 3
    assert cache.key(snapshot, {"a": 1, "b": 2}) == cache.key(snapshot, {"b": 2, "a": 1})


def test_many_threads_keep_and_forget_at_once() -> None:
    cache, metrics = cache_of(20_000)
    shared = [Snapshot()]
    begin = threading.Barrier(4)
    wrong: list[Any] = []

    def work(own: int) -> None:
        begin.wait(PATIENCE)
        for number in range(400):
            for snapshot, name in ((shared[0], "shared"), (Snapshot(), f"of {own}")):
                answer = f"{name} {number % 60}".encode()
                key = cache.key(snapshot, {"text": number % 60})
                found = cache.get(key)
                if found not in (None, answer):
                    wrong.append((found, answer))
                cache.put(key, answer)

    threads = [threading.Thread(target=work, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not wrong and 0 < cache.size <= 20_000
    hits, misses = (sample(metrics, f"lsr_cache_{name}_total") or 0 for name in ("hits", "misses"))
    assert hits + misses == 4 * 400 * 2 and hits > 0
    shared.clear()
    gc.collect()
    assert len(cache) == cache.size == 0


# -- the service -------------------------------------------------------------------------------------------------------


@pytest.fixture
def searcher() -> FakeSearcher:
    return FakeSearcher()


@pytest.fixture
def client(searcher: FakeSearcher) -> Iterator[TestClient]:
    with of(searcher) as client:
        client.app.state.service.warm_up.join(PATIENCE)  # type: ignore[attr-defined]
        yield client


def of(searcher: FakeSearcher, **settings: Any) -> TestClient:
    return TestClient(create_app(searcher, ServiceSettings(search_threads=2, **settings)))


def search(client: TestClient, path: str = "/v1/search", **asked: Any) -> dict[str, Any]:
    response = client.post(path, json=asked)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_the_same_search_is_answered_from_before_but_for_its_timings(
    client: TestClient, searcher: FakeSearcher
) -> None:
    fresh = search(client, text="date string", explain=True, highlight={})
    again = search(client, text="date string", explain=True, highlight={})
    assert searcher.searched == ["date string"]
    assert "cached" not in fresh["timings"] and "search_ms" in fresh["timings"]
    timings = again.pop("timings")
    assert timings.keys() == {"queue_ms", "total_ms", "cached"} and timings["cached"] is True
    del fresh["timings"]
    assert again == fresh and again["hits"]


def test_the_forms_of_a_search_share_an_answer(client: TestClient, searcher: FakeSearcher) -> None:
    search(client, text="date", k=3)
    got = client.get("/v1/search", params={"q": "date", "k": 3}).json()
    batch = search(client, "/v1/search/batch", searches=[{"text": "date", "k": 3, "mode": "auto"}, {"k": 3}])
    assert got["timings"]["cached"] and batch["answers"][0]["timings"]["cached"]
    assert batch["answers"][1]["status"] == 422 and searcher.searched == ["date"]


VARIANTS: list[dict[str, Any]] = [
    {},
    {"text": "date string"},
    {"k": 5},
    {"offset": 1},
    {"search_after": [1.0, "a"]},
    {"search_after": [1, "a"]},
    {"search_after": [None, "a"]},
    {"explain": True},
    {"include_text": False},
    {"fields": []},
    {"fields": ["module"]},
    {"highlight": {}},
    {"highlight": {"size": 30}},
    {"mode": "exhaustive"},
    {"filter": "module = 'json'"},
    {"count": True},
    {"min_score": 0.5},
    {"parameters": {"cut": 0.1}, "mode": "approximate"},
    {"parameters": {"cut": 0.2}, "mode": "approximate"},
    {"dense_vector": [1.0, 2.0], "mode": "hybrid"},
    {"dense_vector": [1.0, 2.5], "mode": "hybrid"},
]


def test_whatever_changes_an_answer_is_part_of_the_question(client: TestClient, searcher: FakeSearcher) -> None:
    for round in (1, 2):
        for variant in VARIANTS:
            answer = search(client, **{"text": "date", **variant})
            assert answer["timings"].get("cached", False) == (round == 2), variant
    assert len(searcher.searched) == len(VARIANTS)
    bodies = ['{"text": "date", "search_after": [NaN, "a"]}', '{"text": "date", "search_after": [Infinity, "a"]}']
    for body in bodies:
        response = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
        assert "cached" not in json.loads(response.content)["timings"]


def test_vectors_are_told_apart_by_terms_and_weights(client: TestClient) -> None:
    for vector in ({"date": 1.0}, {"date": 2.0}, {"size": 1.0}, {"date": 1.0, "size": 2.0}):
        assert "cached" not in search(client, vector=vector)["timings"]
    assert search(client, vector={"size": 2.0, "date": 1.0})["timings"]["cached"]


def test_what_depends_on_the_time_it_is_given_is_not_kept(client: TestClient, searcher: FakeSearcher) -> None:
    for _ in range(2):
        asked = search(client, text="date", mode="approximate", parameters={"budget_us": 100})
        assert "cached" not in asked["timings"]
    assert len(searcher.searched) == 2


def test_nothing_is_kept_or_counted_without_room(searcher: FakeSearcher) -> None:
    with of(searcher, cache_bytes=0) as client:
        client.app.state.service.warm_up.join(PATIENCE)  # type: ignore[attr-defined]
        for _ in range(2):
            assert "cached" not in search(client, text="date")["timings"]
        metrics = client.app.state.metrics  # type: ignore[attr-defined]
    assert len(searcher.searched) == 2 and sample(metrics, "lsr_cache_misses_total") == 0


def test_an_error_is_not_kept(searcher: FakeSearcher) -> None:
    def fails(text: str) -> None:
        if len(searcher.searched) == 1:
            raise RuntimeError

    searcher.on_search = fails
    app = create_app(searcher, ServiceSettings())
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        assert client.get("/v1/search?q=date").status_code == 500
        assert search(client, text="date")["hits"]


def test_what_is_written_is_in_the_next_answer(tmp_path: Path) -> None:
    path = "/v1/collections/birds/search"

    def ask(client: TestClient) -> tuple[list[str], bool]:
        answer = search(client, path, text="migrating owls")
        return [hit["id"] for hit in answer["hits"]], answer["timings"].get("cached", False)

    with serving(tmp_path) as client:
        created(client, documents=BIRDS[:2])
        created(client, "others", documents=BIRDS[2:])
        first, cached = ask(client)
        assert set(first) == {"tern", "stork"} and not cached
        assert ask(client) == (first, True)
        found = search(client, "/v1/collections/others/search", text="migrating owls")
        assert [hit["id"] for hit in found["hits"]] == ["owl"]
        cache = client.app.state.service.cache  # type: ignore[attr-defined]
        assert len(cache) == 2
        put(client, "birds", BIRDS[2:])
        ids, cached = ask(client)
        assert set(ids) == {"tern", "stork", "owl"} and not cached
        gc.collect()
        assert len(cache) == 2  # of the snapshots of now
        assert client.delete("/v1/collections/birds/documents/owl").json()["deleted"]
        assert set(ask(client)[0]) == {"tern", "stork"}
        assert client.delete("/v1/collections/birds").status_code == 204
        created(client, documents=BIRDS[2:])
        assert ask(client) == (["owl"], False)

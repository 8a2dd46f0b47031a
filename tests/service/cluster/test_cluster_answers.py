"""A service whose shards search elsewhere answers as one that searches itself does."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cluster_shards import NearShards
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr import Document, Retriever, SparseVectors
from lsr.build.sharded.job import index_sharded
from lsr.encoding.lexical.alone import WordsAlone
from lsr.index import Index, add_dense
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import RetrievalPlan, RetrieveSettings

WORDS = [f"word{number}" for number in range(30)]


def documents() -> list[Document]:
    chance = np.random.default_rng(4)
    return [
        Document(f"d{n}", " ".join(chance.choice(WORDS, 12)), fields={"year": int(chance.integers(1990, 1994))})
        for n in range(150)
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cluster") / "shards"
    many = index_sharded(documents(), made, WordsAlone(), shards=4)
    chance = np.random.default_rng(1)
    dense = {document.id: chance.standard_normal(6).astype(np.float32) for document in documents()}
    for shard in many.manifest.shards.records:
        index = Index.open(made / shard.name)
        add_dense(index, [np.stack([dense[id] for id in index.documents.row_ids(np.arange(len(index)))])])
    return made


@pytest.fixture
def shards(path: Path) -> NearShards:
    return NearShards(path)


@pytest.fixture
def client(shards: NearShards) -> Iterator[TestClient]:
    with TestClient(shards.app(), raise_server_exceptions=False) as client:
        shards.service.service.warm_up.join(PATIENCE)
        for calls in shards.calls:
            calls.clear()
        yield client


@pytest.fixture
def looped(shards: NearShards) -> Iterator[NearShards]:
    """With a loop of its own, for searches that no request makes."""
    shards.loop = asyncio.new_event_loop()
    thread = threading.Thread(target=shards.loop.run_forever)
    thread.start()
    yield shards
    shards.loop.call_soon_threadsafe(shards.loop.stop)
    thread.join()


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"filter": "year = 1991"},
        {"filter": 'year > 1990 and _id != "d7"', "offset": 3},
        {"sort": "-year"},
        {"facets": "year", "count": True},
        {"mode": "exhaustive"},
        {"feedback": "rocchio"},
        {"group_by": "year"},
    ],
    ids=str,
)
def test_searches(looped: NearShards, path: Path, asked: dict[str, Any]) -> None:
    here, there = Retriever(Index.open(path)), Retriever(looped.index)
    for text in ("word1 word2", "word3", "word4 word5 word6"):
        answers = [each.search(text, 10, **asked) for each in (here, there)]
        found = [[(hit.id, hit.score, hit.document) for hit in each.hits] for each in answers]
        assert found[0] == found[1] and answers[0].total == answers[1].total and answers[0].facets == answers[1].facets
        assert found[0]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "sparse-first"])
def test_dense_vectors(looped: NearShards, path: Path, mode: str) -> None:
    here, chance = Index.open(path), np.random.default_rng(3)
    words = here.parts["words"]
    query = HybridQuery(
        (np.array(sorted(words.find(each) for each in ("word1", "word2"))), np.ones(2, np.float32)),
        chance.standard_normal(6).astype(np.float32),
    )
    plan = RetrievalPlan(retrieve=RetrieveSettings(mode=mode))
    hits = [search_rows(index, query, 12, plan) for index in (here, looped.index)]
    assert hits[0].rows.tolist() == hits[1].rows.tolist() and hits[0].scores.tobytes() == hits[1].scores.tobytes()


def test_batches_of_vectors(looped: NearShards, path: Path) -> None:
    here = Index.open(path)
    rows = [(np.array([n, n + 9]), np.ones(2, np.float32)) for n in range(20)]
    queries = SparseVectors.from_rows(rows, [str(n) for n in range(20)], here.dim)
    found = [index.search_batch(queries, 5, threads=1) for index in (here, looped.index)]
    assert [hits.ids for hits in found[0]] == [hits.ids for hits in found[1]]
    assert all(len(calls) == 1 for calls in looped.calls)


def test_one_call_a_shard(client: TestClient, shards: NearShards) -> None:
    answer = client.post("/v1/search", json={"text": "word1", "k": 3}).json()
    assert len(answer["hits"]) == 3 and "missing" not in answer
    assert [len(calls) for calls in shards.calls] == [1] * 4


def test_a_batch_is_one_call_a_shard(client: TestClient, shards: NearShards) -> None:
    asked = [{"text": f"word{n}", "k": 3} for n in range(9)]
    answers = client.post("/v1/search/batch", json={"searches": [*asked, {"text": "word1", "sort": "nothing"}]}).json()
    assert [len(calls) for calls in shards.calls] == [1] * 4
    alone = [client.post("/v1/search", json=each).json()["hits"] for each in asked]
    assert [each["hits"] for each in answers["answers"][:-1]] == alone
    assert answers["answers"][-1]["status"] == 422


def late(shard: int) -> Any:
    """Let this shard never answer."""
    return lambda number, call: asyncio.Event().wait() if number == shard else None


def test_a_shard_that_is_late_fails_the_request_or_is_named(client: TestClient, shards: NearShards) -> None:
    whole = client.post("/v1/search", json={"text": "word1 word2", "k": 150}).json()["hits"]
    shards.behave = late(2)
    answer = client.post("/v1/search", json={"text": "word1"}, headers={"X-Deadline-Ms": "200"})
    assert answer.status_code == 503 and "shard 2 did not answer in time" in answer.json()["detail"]
    headers = {"X-Deadline-Ms": "400", "X-Partial": "true"}
    answer = client.post("/v1/search", json={"text": "word1 word2", "k": 150}, headers=headers)
    body = answer.json()
    assert answer.status_code == 200 and body["partial"] is True and body["missing"] == [2]
    from lsr.index.format.shards import shard_of

    assert [hit["id"] for hit in body["hits"]] == [hit["id"] for hit in whole if shard_of(hit["id"], 4) != 2]
    batch = client.post("/v1/search/batch", json={"searches": [{"text": "word1"}] * 2}, headers=headers).json()
    assert [each["missing"] for each in batch["answers"]] == [[2], [2]]


@pytest.mark.parametrize("said", ["", "soon", "-5", "99999999999999999999", "1e3"])
def test_a_deadline_that_is_none(client: TestClient, said: str) -> None:
    answer = client.post("/v1/search", json={"text": "word1"}, headers={"X-Deadline-Ms": said})
    assert answer.status_code in (200, 503) and json.loads(answer.content)


def test_a_failing_replica_is_asked_again(client: TestClient, shards: NearShards) -> None:
    async def fail() -> None:
        raise OSError("gone")

    shards.behave = lambda number, call: fail() if number == 1 and call == 1 else None
    assert client.post("/v1/search", json={"text": "word1"}).status_code == 200
    assert len(shards.calls[1]) == 2 and len(shards.calls[0]) == 1


def test_a_shard_that_comes_late_keeps_nobody_from_being_ready(shards: NearShards) -> None:
    async def fail() -> None:
        raise OSError("not there yet")

    shards.behave = lambda number, call: fail() if number == 1 and call <= 3 else None
    with TestClient(shards.app()) as client:
        shards.service.service.warm_up.join(PATIENCE)
        assert len(shards.calls[1]) > 3 and client.get("/readyz").status_code == 200

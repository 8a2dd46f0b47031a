"""No answer depends on how the documents came to be there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from collection_oracle import DENSE, LARGE, TERMS, asked, create, made_put, made_query, opened

from lsr.index import Index
from lsr.index.collection.policy import LivePolicy
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import FusionSettings, RetrievalPlan, RetrieveSettings
from lsr.index.live.writes import Delete, Put

PLANS = [
    RetrievalPlan(retrieve=RetrieveSettings(mode=mode, depth=depth), fusion=FusionSettings(method=method))
    for mode, depth, method in (("hybrid", 100, "tmm"), ("hybrid", 5, "rrf"), ("sparse-first", 10, "tmm"))
]


def lived(path: Path, random: np.random.Generator, operations: int) -> dict[str, Put]:
    """Write to the collection by chance, with restarts and merges; return what lives."""
    truth: dict[str, Put] = {}
    writer = opened(path, LivePolicy(memory_documents=25, together=3))
    for step in range(operations):
        id = f"d{random.integers(60)}"
        if random.random() < 0.3:
            writer.apply([Delete(id)], wait=False)
            truth.pop(id, None)
        else:
            new = truth[id] = made_put(random, id, step)
            new.dense = random.standard_normal(3).astype(np.float32)
            writer.apply([new], wait=False)
        if step % 70 == 69:
            writer.close()
            writer = opened(path, LivePolicy(memory_documents=25, together=3))
        if step == operations // 2:
            writer.compact()
    writer.close()
    # However the thread that makes segments took its turns, there are several.
    with opened(path, LivePolicy(together=100, most_deleted=1.0)) as writer:
        new = truth["last"] = made_put(random, "last", operations)
        new.dense = random.standard_normal(3).astype(np.float32)
        writer.apply([new])
        writer.flush()
    return truth


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Index]:
    """The same documents, by name of their history."""
    folder, random = tmp_path_factory.mktemp("histories"), np.random.default_rng(7)
    dense = {**DENSE, "similarity": "cosine"}
    for name in ("lived", "one-go", "memory", "backwards"):
        create(folder / name, dense=dense)
    truth = lived(folder / "lived", random, 400)
    with opened(folder / "one-go", LARGE) as writer:
        writer.apply(list(truth.values()))
        writer.flush()
    with opened(folder / "memory", LARGE) as writer:
        writer.apply(list(truth.values()))
    with opened(folder / "backwards", LARGE) as writer:
        for part in (list(truth.values())[30:], list(truth.values())[:30]):
            writer.apply(part[::-1])
            writer.flush()
    made = {name: Index.open(folder / name) for name in ("lived", "one-go", "memory", "backwards")}
    assert len(made["lived"].segments) > 1 and len(made["backwards"].segments) == 2
    assert len(made["one-go"].segments) == 1 and not made["memory"].segments
    with opened(folder / "lived") as writer:
        writer.compact()
    made["compacted"] = Index.open(folder / "lived")
    assert len(made["compacted"].segments) == 1
    return made


OTHERS = ("lived", "memory", "backwards", "compacted")


@pytest.mark.parametrize("name", OTHERS)
def test_documents_and_counts(histories: dict[str, Index], name: str) -> None:
    index, other = histories["one-go"], histories[name]
    assert {each.id: each for each in index.documents.scan()} == {each.id: each for each in other.documents.scan()}
    counts, others = index.parts["terms"], other.parts["terms"]
    assert counts.documents[:TERMS].tolist() == others.documents[:TERMS].tolist()
    assert counts.tokens[:TERMS].tolist() == others.tokens[:TERMS].tolist()
    words = set(index.parts["words"])
    assert words and words <= set(other.parts["words"])
    for word in words:
        ids = [np.array([each.parts["words"].find(word)]) for each in (index, other)]
        assert counts.of(ids[0]).tolist() == others.of(ids[1]).tolist(), word


@pytest.mark.parametrize("name", OTHERS)
def test_sparse_answers(histories: dict[str, Index], name: str) -> None:
    index, other, random = histories["one-go"], histories[name], np.random.default_rng(3)
    ties = 0
    for _ in range(60):
        query, k = made_query(random), int(random.integers(1, 30))
        for mode in ("exact", "exhaustive"):
            hits, others = (each.search(*asked(each, query), k, mode=mode) for each in (index, other))
            assert hits.ids == others.ids and hits.scores.tobytes() == others.scores.tobytes(), mode
            ties += len(set(hits.scores.tolist())) < len(hits.ids)
    assert ties > 20


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("plan", PLANS, ids=["tmm", "rrf", "sparse-first"])
def test_fused_answers(histories: dict[str, Index], name: str, plan: RetrievalPlan) -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        query, dense = made_query(random), random.standard_normal(3).astype(np.float32)
        found = []
        for index in (histories["one-go"], histories[name]):
            hits = search_rows(index, HybridQuery(asked(index, query), dense), 12, plan)
            found.append((index.documents.row_ids(hits.rows), hits.scores.tobytes()))
        assert found[0] == found[1]


@pytest.mark.parametrize("name", OTHERS)
def test_dense_answers(histories: dict[str, Index], name: str) -> None:
    random = np.random.default_rng(5)
    for _ in range(20):
        dense = random.standard_normal(3).astype(np.float32)
        found = []
        for index in (histories["one-go"], histories[name]):
            hits = index.parts["dense"].search(dense, 9)
            found.append((index.documents.row_ids(hits.rows), hits.scores.tobytes()))
        assert found[0] == found[1]

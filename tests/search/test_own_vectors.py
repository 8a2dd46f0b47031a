"""An index of vectors of one's own is asked with vectors, in Python and in files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr.core.errors import InputError, LsrError, MissingDependencyError
from lsr.index import IndexBuilder, add_dense
from lsr.search.asked import read_query_vectors
from lsr.search.flat import plan_of
from lsr.search.many import open_asked
from lsr.search.response import SearchResponse
from lsr.search.retriever import Retriever
from lsr.vectors import SparseVectors, write_vectors

VECTORS = SparseVectors.from_rows([([5, 2_026_917_151], [0.5, 1]), ([7], [1]), ([9], [1.5])], ["a", "b", "c"])


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    path = tmp_path_factory.mktemp("own") / "index"
    with IndexBuilder(path, dim=VECTORS.dim) as builder:
        builder.add(VECTORS)
        made = builder.finish()
    return Retriever(add_dense(made, [np.eye(3, 4, dtype=np.float32)]))


def ids(answer: SearchResponse) -> list[str]:
    return [hit.id for hit in answer.hits]


def test_every_kind_of_vector_is_asked_with(retriever: Retriever) -> None:
    for vector in ({"5": 1.0, "7": 0.1}, {5: 1.0, 7: 0.1}, ([7, 5], [0.1, 1.0]), (np.array([5, 7]), [1, 0.1])):
        found = retriever.search(vector=vector, explain=True)
        assert ids(found) == ["a", "b"] and found.hits[0].matches is not None
        assert [match.term for match in found.hits[0].matches] == ["5"]
    dense = retriever.search(dense_vector=[0, 1, 0.5, 0], k=2)
    assert (ids(dense), dense.mode) == (["b", "c"], "dense")
    both = retriever.search(vector={"9": 1.0}, dense_vector=[0, 1, 0, 0], dense_weight=0.25)
    assert (ids(both)[0], both.mode) == ("c", "hybrid")
    assert ids(retriever.search(dense_vector=[0, 1, 0.5, 0], k=1, offset=1)) == ["c"]


def test_batches_are_answered_by_lists(retriever: Retriever) -> None:
    assert [ids(answer) for answer in retriever.search(VECTORS)] == [["a"], ["b"], ["c"]]
    assert [ids(answer) for answer in retriever.search(vector=[{"5": 1.0}, ([9], [1])])] == [["a"], ["c"]]
    assert [ids(answer) for answer in retriever.search(dense_vector=np.eye(2, 4), k=1)] == [["a"], ["b"]]
    many = retriever.search(vector=VECTORS, dense_vector=np.eye(3, 4), k=1)
    assert [ids(answer) for answer in many] == [["a"], ["b"], ["c"]]
    assert retriever.search(VECTORS[:0]) == []


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"text": 5},
        {"text": b"x"},
        {"text": ["a", 3]},
        {"text": "x", "k": "3"},
        {"text": "x", "k": 2.5},
        {"text": "x", "k": 0},
        {"text": "x", "offset": -1},
        {"text": "x", "plan": 3},
        {"text": "x", "mode": 3},
        {"text": "x", "allow": "a"},
        {"vector": "abc"},
        {"vector": {"bird": 1}},
        {"vector": {"5": "1"}},
        {"vector": {"5": 10**400}},
        {"vector": {5: 1, "5": 1}},
        {"vector": ([1.5], [1])},
        {"vector": ([5], ["x"])},
        {"vector": {"5": 1}, "mode": "hybrid"},
        {"vector": {"5": 1}, "mode": "dense"},
        {"vector": {"5": 1}, "rerank": "late"},
        {"vector": {"5": 1}, "dense_vector": np.eye(2, 4)},
        {"dense_vector": "x"},
        {"dense_vector": [1, 2]},
        {"dense_vector": [[1], [2, 3]]},
        {"dense_vector": [1, float("nan"), 0, 0]},
        {"dense_vector": [1, 0, 0, 0], "mode": "exact"},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused(retriever: Retriever, asked: dict[str, Any]) -> None:
    with pytest.raises(LsrError):
        retriever.search(**asked)


def test_files_of_queries(retriever: Retriever, tmp_path: Path) -> None:
    queries = SparseVectors.from_rows([([5, 11], [1, 1]), ([4_000_000_000], [1])], ["q1", "q2"])
    write_vectors(tmp_path / "q.csv", [queries])
    found = read_query_vectors(retriever.index, tmp_path / "q.csv")
    # A term id beyond all those of the documents is in none of them.
    assert found.dim == retriever.index.dim and found.indices.tolist() == [5, 11]
    (tmp_path / "names.csv").write_text("id,term,weight\nq1,5,1\nq1,bird,1\n")
    assert read_query_vectors(retriever.index, tmp_path / "names.csv").indices.tolist() == [5]
    (tmp_path / "words.csv").write_text("id,term,weight\nq1,bird,1\n")
    with pytest.raises(InputError, match="made of term ids"):
        read_query_vectors(retriever.index, tmp_path / "words.csv")
    np.save(tmp_path / "q.npy", np.eye(2, 4, dtype=np.float32))

    def run(source: str | None, dense: str | None, mode: str) -> dict[str, list[str]]:
        plan, paths = plan_of(mode), [None if name is None else tmp_path / name for name in (source, dense)]
        return {
            id: hits.ids
            for batch in open_asked(retriever, *paths, plan)
            for id, hits in zip(batch.ids, retriever.rank(batch, 2, plan), strict=True)
        }

    assert run("q.csv", None, "exact") == {"q1": ["a"], "q2": []}
    assert run(None, "q.npy", "dense") == {"0": ["a", "b"], "1": ["b", "a"]}
    assert run("q.csv", "q.npy", "hybrid")["q1"][0] == "a"
    for wrong in (("q.csv", None, "hybrid"), (None, "q.npy", "hybrid"), ("q.csv", "q.npy", "exact")):
        with pytest.raises(InputError):
            run(*wrong)
    np.save(tmp_path / "three.npy", np.eye(3, 4, dtype=np.float32))
    with pytest.raises(InputError, match="3 dense vectors came with 2 queries"):
        run("q.csv", "three.npy", "hybrid")


def test_answers_as_tables(retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = retriever.search(vector={"5": 1.0, "7": 0.1})
    table = answer.to_arrow().to_pydict()
    assert table["id"] == ["a", "b"] and table["rank"] == [1, 2]
    assert retriever.index.search([5], [1]).to_arrow().to_pydict()["row"] == [0]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match="pip install pandas"):
        answer.to_frame()


def test_what_is_public_shows_itself_in_a_line(retriever: Retriever) -> None:
    answer = retriever.search(vector={"5": 1.0})
    shown = [retriever, answer, answer.hits[0], retriever.index, retriever.index.documents, retriever.index.parts]
    for each in (*shown, retriever.index.sparse, retriever.index.parts["dense"], VECTORS):
        assert type(each).__name__ in repr(each) and len(repr(each)) < 200 and " object at 0x" not in repr(each)

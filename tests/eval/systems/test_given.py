"""Evaluating with query vectors of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Retriever, SparseVectors
from lsr.build.corpus import index_corpus, index_vectors
from lsr.build.dense import add_dense_file
from lsr.core.errors import InputError
from lsr.eval import EvaluationSettings, evaluate, load_collection
from lsr.eval.systems.given import read_given
from lsr.search.flat import plan_of
from lsr.text import open_corpus
from lsr.vectors.files import write_vectors

PLAIN = EvaluationSettings(bm25=False, latency_queries=1)
IDS = ["q2", "unjudged", "q3", "q1"]
TEXTS = ["fish", "dog", "fish flew", "cat sat"]


@pytest.fixture
def vectors(words: Any, tmp_path: Path) -> Path:
    """Query vectors in an order of their own; that of q3 is of another text than the collection's, which is blank."""
    path = tmp_path / "q.parquet"
    write_vectors(path, [words.encode_queries(TEXTS, IDS)])
    return path


@pytest.fixture
def own(words: Any, collection_folder: Path, tmp_path: Path) -> Path:
    """An index of vectors, which names no model; its dense vectors point along one axis a document."""
    documents = list(open_corpus(collection_folder))
    made = words.encode_documents([document.contents for document in documents], [d.id for d in documents])
    index = index_vectors([made], tmp_path / "own", vocabulary=words.vocabulary)
    np.save(tmp_path / "d.npy", np.eye(4, dtype=np.float32))
    add_dense_file(index, tmp_path / "d.npy")
    return tmp_path / "own"


def test_an_index_of_own_vectors_is_evaluated_as_its_encoder_would(
    words: Any, own: Path, vectors: Path, collection_folder: Path, tmp_path: Path
) -> None:
    collection = load_collection(collection_folder, queries=vectors)
    assert {query.id: query.text for query in collection.queries} == {"q1": "cat sat", "q2": "fish", "q3": " "}
    retriever = Retriever.open(own)
    given = read_given(retriever.index, vectors, None)
    found = evaluate(collection, retriever, PLAIN, given=given)
    assert found.report.label == "own" and found.report.model is None
    index_corpus(open_corpus(collection_folder), tmp_path / "texts", words)
    by_text = Retriever.open(tmp_path / "texts")
    by_text.encoder = words
    expected = evaluate(load_collection(collection_folder), by_text, PLAIN)
    for id in ("q1", "q2"):
        assert found.runs["lsr"][id].ids == expected.runs["lsr"][id].ids
        np.testing.assert_allclose(found.runs["lsr"][id].scores, expected.runs["lsr"][id].scores, rtol=0.01)
    assert found.runs["lsr"]["q3"].ids == ["d3", "d4"], "the given vector counts, whatever the text"
    assert found.report.index is not None and found.report.index["active_terms"]["queries"] == 5 / 3


def test_dense_queries_come_in_the_order_of_the_sparse_ones_or_of_the_collection(
    own: Path, vectors: Path, collection_folder: Path, tmp_path: Path
) -> None:
    collection, retriever = load_collection(collection_folder, queries=vectors), Retriever.open(own)
    settings = EvaluationSettings(bm25=False, latency_queries=1, plan=plan_of("dense"))
    # q2 is answered by d3, the unjudged one by d1, q3 by d1 and q1 by d2.
    np.save(tmp_path / "dense.npy", np.eye(4, dtype=np.float32)[[2, 0, 0, 1]])
    for sparse, ids in ((vectors, None), (None, IDS)):
        given = read_given(retriever.index, sparse, tmp_path / "dense.npy", ids)
        run = evaluate(collection, retriever, settings, given=given).runs["lsr"]
        assert {id: ranking.ids[0] for id, ranking in run.items()} == {"q2": "d3", "q3": "d1", "q1": "d2"}
    with pytest.raises(InputError, match=r"dense.npy: 4 dense vectors came with 2 queries"):
        read_given(retriever.index, None, tmp_path / "dense.npy", ["q1", "q2"])


def test_queries_without_texts_leave_bm25_out(own: Path, vectors: Path, collection_folder: Path) -> None:
    (collection_folder / "queries.jsonl").unlink()
    collection = load_collection(collection_folder, queries=vectors)
    assert not collection.has_texts and len(collection.queries) == 3
    retriever = Retriever.open(own)
    settings = EvaluationSettings(latency_queries=1)
    found = evaluate(collection, retriever, settings, given=read_given(retriever.index, vectors, None))
    assert list(found.runs) == ["lsr"] and found.report.metrics["ndcg@10"] > 0


def test_a_judged_query_without_a_vector_is_named(
    own: Path, words: Any, collection_folder: Path, tmp_path: Path
) -> None:
    write_vectors(tmp_path / "few.parquet", [words.encode_queries(["fish"], ["q2"])])
    retriever = Retriever.open(own)
    given = read_given(retriever.index, tmp_path / "few.parquet", None)
    with pytest.raises(InputError, match="'q1' has no vector among the 1 given"):
        evaluate(load_collection(collection_folder), retriever, PLAIN, given=given)


def test_vectors_of_another_vocabulary_are_refused(own: Path, tmp_path: Path) -> None:
    write_vectors(tmp_path / "other.parquet", [SparseVectors.from_rows([([9], [1.0])], ["q1"], 10)])
    with pytest.raises(InputError):
        read_given(Retriever.open(own).index, tmp_path / "other.parquet", None)

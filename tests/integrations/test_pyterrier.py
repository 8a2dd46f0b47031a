"""Our transformers in PyTerrier's own pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyterrier", reason="needs pyterrier")

import pandas as pd
import pyterrier as pt

from lsr import Collection, SparseEncoder
from lsr.core.errors import InputError
from lsr.integrations.pyterrier import LsrDocumentEncoder, LsrIndexer, LsrQueryEncoder, LsrRetriever

DOCUMENTS = [
    {"docno": "owl", "text": "Owls hunt at night.", "title": "Owls", "year": 2020},
    {"docno": "tern", "text": "Terns migrate from pole to pole.", "year": 2024},
    {"docno": "stork", "text": "Storks migrate over land.", "year": 2024},
]
QUERIES = pd.DataFrame(
    [["1", "terns that migrate", "x"], ["2", "nothing", "y"], ["3", "owls", "z"]], columns=["qid", "query", "more"]
)


def test_pipelines_of_words(either: str) -> None:
    retriever = LsrIndexer(either).index(DOCUMENTS)
    found = (retriever % 1)(QUERIES)
    assert found[["qid", "query", "docno", "rank", "more"]].values.tolist() == [
        ["1", "terns that migrate", "tern", 0, "x"],
        ["3", "owls", "owl", 0, "z"],
    ]
    best = LsrRetriever(either, k=2, text=True, filter="year = 2024").search("terns that migrate")
    assert best["docno"].tolist() == ["tern", "stork"] and best["rank"].tolist() == [0, 1]
    assert (
        best["text"].tolist() == [DOCUMENTS[1]["text"], DOCUMENTS[2]["text"]] and best["score"].is_monotonic_decreasing
    )
    both = (2 * retriever + retriever).search("terns that migrate")
    assert both["score"].tolist() == pytest.approx([3 * score for score in best["score"]])
    assert not pt.java.started()
    assert LsrRetriever(either)(QUERIES[:0]).columns.tolist() == ["qid", "query", "more", "docno", "score", "rank"]


def test_vectors_are_searched_as_texts_are(tmp_path: Path) -> None:
    model = "lsr-doc-tiny"
    Collection.create(tmp_path / "birds", model=model, lexical=False).close()
    retriever = LsrIndexer(tmp_path / "birds").index(DOCUMENTS)
    encoded = LsrQueryEncoder(model)(QUERIES)
    found = retriever(encoded)
    assert found["docno"].tolist() == retriever(QUERIES)["docno"].tolist() != []
    with Collection.open(tmp_path / "birds") as birds:
        expected = [hit.score for vector in encoded["query_toks"] for hit in birds.search(vector=vector).hits]
    assert found["score"].tolist() == pytest.approx(expected, rel=1e-6)
    weights = {term: weight for vector in encoded["query_toks"] for term, weight in vector.items()}
    vector = SparseEncoder.load(model).encode_queries(["terns that migrate"]).row(0)[1]
    assert sorted(encoded["query_toks"][0].values()) == pytest.approx(sorted(vector.tolist())) and "migrate" in weights
    [tokens] = LsrDocumentEncoder(model)(pd.DataFrame(DOCUMENTS[1:2]))["toks"]
    assert tokens["pole"] > 0 and len(tokens) > 5
    empty = pd.DataFrame([["1", {}]], columns=["qid", "query_toks"])
    assert len(retriever(empty)) == 0


def test_what_is_missing_is_said(place: str) -> None:
    with pytest.raises(InputError, match="docno"):
        LsrIndexer(place).index([{"text": "a"}])
    with pytest.raises(Exception, match="query"):
        LsrRetriever(place)(pd.DataFrame([["1"]], columns=["qid"]))

"""Systems that candidates come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from lsr import Document, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.core.errors import IndexFormatError, InputError, ModelError
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.sparse.backbone import load_backbone
from lsr.encoding.sparse.bm25 import Bm25Encoder
from lsr.encoding.sparse.saving import TransformerSide, save_encoder
from lsr.index import Index
from lsr.training.data import TrainingSet, TrainingSetWriter
from lsr.training.negatives import DenseSearcher, IndexSearcher, SparseSearcher
from lsr.training.negatives.loading import load_searcher
from lsr.training.teachers.pairs import Pairs

QUERIES = ["bird migration between the poles", "sourdough", "ice"]


def no_bm25() -> NoReturn:
    raise AssertionError("only bm25 needs statistics")


@pytest.fixture
def toy_set(toy_documents: list[Document], tmp_path: Path) -> TrainingSet:
    with TrainingSetWriter(tmp_path / "set") as writer:
        for document in reversed(toy_documents):
            writer.add_text(document.id, document.contents)
        writer.add("q", "bird", [4], [])
    return TrainingSet.open(tmp_path / "set")


def inner_products(encoder: Any, training_set: TrainingSet) -> np.ndarray:
    texts = training_set.texts.take(range(len(training_set.texts)))
    left, right = encoder.encode_queries(QUERIES), encoder.encode_documents(texts)
    if isinstance(left, np.ndarray):
        return left @ right.T
    return (left.to_scipy() @ right.to_scipy().T).toarray()


def test_a_sparse_encoder(encoder: SparseEncoder, toy_set: TrainingSet, tmp_path: Path) -> None:
    searcher = SparseSearcher.build(encoder, toy_set.texts, tmp_path / "work")
    scores = inner_products(encoder, toy_set)
    found = searcher.search(QUERIES, 3)
    for rows, of_query in zip(found, scores, strict=True):
        assert rows.tolist() == np.argsort(-of_query)[:3].tolist()
    assert searcher.name == "splade-tiny"
    with pytest.raises(InputError, match="DenseSearcher"):
        SparseSearcher.build(DenseEncoder.load("minilm"), toy_set.texts, tmp_path / "dense")


def test_bm25_finds_what_shares_a_word(toy_set: TrainingSet, tmp_path: Path) -> None:
    encoder = Bm25Encoder.fit(toy_set.texts.take(range(5)))
    searcher = load_searcher("bm25", toy_set.texts, tmp_path / "work", bm25=lambda: encoder)
    assert [rows.tolist() for rows in searcher.search(["sourdough", "ice", "the"], 5)] == [[3], [2], []]


def test_a_model_in_a_layout_of_our_own(encoder: SparseEncoder, toy_set: TrainingSet, tmp_path: Path) -> None:
    """Its folder has neither config.json nor modules.json, as an index has not."""
    save_encoder(tmp_path / "model", document=TransformerSide(load_backbone(encoder.name), top_k=64))
    assert not (tmp_path / "model" / "modules.json").exists()
    searcher = load_searcher(str(tmp_path / "model"), toy_set.texts, tmp_path / "work", bm25=no_bm25)
    assert isinstance(searcher, SparseSearcher) and len(searcher.search(QUERIES, 2)) == len(QUERIES)


def test_an_index(encoder: SparseEncoder, toy_index: Path, toy_set: TrainingSet, tmp_path: Path) -> None:
    searcher = load_searcher(str(toy_index), toy_set.texts, tmp_path / "work", bm25=no_bm25)
    assert isinstance(searcher, IndexSearcher)
    expected = SparseSearcher.build(encoder, toy_set.texts, tmp_path / "index").search(QUERIES, 4)
    for _ in range(2):  # rows are looked up once
        found = searcher.search(QUERIES, 4)
        assert [rows.tolist() for rows in found] == [rows.tolist() for rows in expected]
    assert searcher.search([], 4) == []


def test_a_model_with_words(
    encoder: SparseEncoder, toy_documents: list[Document], toy_set: TrainingSet, tmp_path: Path
) -> None:
    """Ranked by the sum of both, as `lsr index` and `lsr search` do it."""
    searcher = load_searcher("splade-tiny+words", toy_set.texts, tmp_path / "work", bm25=no_bm25)
    assert isinstance(searcher, IndexSearcher) and searcher.name == "splade-tiny+words"
    index_corpus(toy_documents, tmp_path / "index", encoder, lexical=LexicalSettings())
    indexed = load_searcher(str(tmp_path / "index"), toy_set.texts, tmp_path / "none", bm25=no_bm25)
    queries = [*QUERIES, "sourdough ice"]
    found, expected = searcher.search(queries, 5), indexed.search(queries, 5)
    assert [rows.tolist() for rows in found] == [rows.tolist() for rows in expected]
    assert "words" in Index.open(tmp_path / "work" / "index").parts
    alone = load_searcher("splade-tiny", toy_set.texts, tmp_path / "alone", bm25=no_bm25).search(queries, 5)
    without = searcher.search(queries, 5, lexical_weight=0.0)
    assert [rows.tolist() for rows in without] == [rows.tolist() for rows in alone]
    terms = encoder.encode_documents([each.contents for each in toy_documents])
    assert searcher.document_terms() == len(terms.indices) / len(toy_documents)
    with pytest.raises(InputError, match="beside the terms of a sparse model"):
        load_searcher("minilm+words", toy_set.texts, tmp_path / "dense", bm25=no_bm25)
    with pytest.raises(ModelError, match="no model"):
        load_searcher("nowhere+words", toy_set.texts, tmp_path / "nowhere", bm25=no_bm25)


def test_an_index_of_other_documents(encoder: SparseEncoder, toy_set: TrainingSet, tmp_path: Path) -> None:
    index_corpus([Document("new", "a bird that is new")], tmp_path / "index", encoder)
    searcher = IndexSearcher(tmp_path / "index", toy_set.texts)
    with pytest.raises(InputError, match="document 'new', which is not among the texts"):
        searcher.search(["bird"], 1)


def test_a_dense_encoder(toy_set: TrainingSet, tmp_path: Path) -> None:
    searcher = load_searcher("minilm", toy_set.texts, tmp_path / "work", bm25=no_bm25)
    assert isinstance(searcher, DenseSearcher)
    scores = inner_products(searcher.encoder, toy_set)
    assert [rows.tolist() for rows in searcher.search(QUERIES, 9)] == np.argsort(-scores).tolist()
    pairs = Pairs.of(toy_set)
    found = np.empty(len(pairs), np.float32)
    searcher.teacher().score_pairs(pairs, found, work=tmp_path)
    [[expected]] = searcher.teacher().score(["bird"], [[toy_set.texts[4]]])
    assert found[0] == pytest.approx(expected, abs=0.01)


class Vectors:
    """An encoder of numbers written as text."""

    name, dim, similarity = "made", 3, "dot"
    device = torch.device("cpu")

    def encode_documents(self, texts: list[str], **_: object) -> np.ndarray:
        return np.array([[float(value) for value in text.split()] for text in texts], np.float32).reshape(-1, 3)

    encode_queries = encode_documents


def test_blocks_of_documents_and_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    documents, queries = rng.integers(-4, 5, (53, 3)), rng.integers(-4, 5, (11, 3))
    with TrainingSetWriter(tmp_path / "set") as writer:
        for row, vector in enumerate(documents):
            writer.add_text(str(row), " ".join(map(str, vector)))
        writer.add("q", "0 0 0", [0], [])
    texts = TrainingSet.open(tmp_path / "set").texts
    searcher = DenseSearcher.build(Vectors(), texts, tmp_path / "work")  # type: ignore[arg-type]
    monkeypatch.setattr("lsr.training.negatives.searchers._DOCUMENT_BLOCK", 7)
    monkeypatch.setattr("lsr.training.negatives.searchers._QUERY_BLOCK", 4)
    scores = queries @ documents.T
    for k in (1, 5, 9, 53, 100):
        found = searcher.search([" ".join(map(str, query)) for query in queries], k)
        for rows, of_query in zip(found, scores, strict=True):
            # Ties at the end may go either way: the scores are what must be right, and ties among them by row.
            assert of_query[rows].tolist() == sorted(of_query.tolist(), reverse=True)[:k]
            assert len(set(rows.tolist())) == len(rows)
            assert rows.tolist() == sorted(rows.tolist(), key=lambda row: (-of_query[row], row))


def test_what_is_none(toy_set: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model"):
        load_searcher("nowhere", toy_set.texts, tmp_path / "work", bm25=no_bm25)
    (tmp_path / "empty").mkdir()
    with pytest.raises(IndexFormatError):
        load_searcher(str(tmp_path / "empty"), toy_set.texts, tmp_path / "work", bm25=no_bm25)

"""Scoring the best hits again: which, in which order, and what the answer says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.late import add_token_vectors
from lsr.core.errors import InputError, ModelError, OutputExistsError
from lsr.encoding.late.encoder import TokenEncoder
from lsr.index import Index, verify
from lsr.search.rerank import Rerankers

QUERY = "ice and water and wheels"


class ByLength:
    """A cross-encoder that likes short texts."""

    def __init__(self) -> None:
        self.read: list[list[str]] = []

    def score(self, text: str, texts: list[str]) -> np.ndarray:
        self.read.append(list(texts))
        return np.array([-len(each) for each in texts], np.float32)


@pytest.fixture
def by_length(monkeypatch: pytest.MonkeyPatch) -> ByLength:
    model = ByLength()
    monkeypatch.setattr(Rerankers, "cross_encoder", lambda self, name: model)
    return model


@pytest.fixture
def retriever(encoder: SparseEncoder, toy_documents: list[Document], tmp_path: Path) -> Retriever:
    return Retriever(index_corpus(toy_documents, tmp_path / "index", encoder))


def test_the_best_are_scored_again_and_the_others_follow(retriever: Retriever, by_length: ByLength) -> None:
    before = retriever.search(QUERY, 5).hits
    assert len(before) > 3
    response = retriever.search(QUERY, 5, rerank="some-model", rerank_depth=3, explain=True)
    by_text = sorted(before[:3], key=lambda hit: len(hit.document.contents))
    assert [hit.id for hit in response.hits] == [hit.id for hit in by_text + before[3:]]
    assert by_length.read == [[hit.document.contents for hit in before[:3]]]
    assert [hit.rank for hit in response.hits] == list(range(1, len(before) + 1))
    scores = [hit.score for hit in response.hits]
    assert scores == sorted(scores, reverse=True)
    first, last = response.hits[0], response.hits[-1]
    assert first.stages["rerank"].rank == 1 and first.score == first.stages["rerank"].score
    assert first.stages["sparse"].rank == 1 + [hit.id for hit in before].index(first.id)
    assert "rerank" not in last.stages and first.matches
    assert list(response.stages_ms) == ["encode sparse", "sparse", "rerank"]


def test_nothing_found_is_nothing_to_rerank(retriever: Retriever, by_length: ByLength) -> None:
    for weight in (1.0, 0.5):
        none = np.zeros(5, bool)
        response = retriever.search(QUERY, 5, rerank="some-model", rerank_weight=weight, explain=True, allow=none)
        assert response.hits == [] and "rerank" in response.stages_ms


def test_both_scores_can_count(retriever: Retriever, by_length: ByLength) -> None:
    before = retriever.search(QUERY, 4).hits
    old = np.array([hit.score for hit in before])
    new = -np.array([len(hit.document.contents) for hit in before], float)
    scale = [(values - values.min()) / (values.max() - values.min()) for values in (old, new)]
    mixed = 0.7 * scale[0] + 0.3 * scale[1]
    found = retriever.search(QUERY, 4, rerank="some-model", rerank_weight=0.3, rerank_depth=4).hits
    assert [hit.id for hit in found] == [before[i].id for i in np.argsort(-mixed, kind="stable")]
    np.testing.assert_allclose([hit.score for hit in found], np.sort(mixed)[::-1], rtol=1e-6)


def test_late_interaction(retriever: Retriever, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no late part; add one \(lsr.build.late"):
        retriever.search(QUERY, rerank="late")
    encoder = TokenEncoder.load("minilm", dtype="float32")
    index = add_token_vectors(retriever.index, encoder)
    assert verify(index.path) == [] and index.describe()["bytes"]["late"] == index.parts["late"].bytes + 3 * 128
    with pytest.raises(OutputExistsError):
        add_token_vectors(index, encoder)
    again = Retriever(Index.open(index.path))
    before = again.search(QUERY, 5).hits
    found = again.search(QUERY, 5, rerank="late").hits
    (query,) = TokenEncoder.load("minilm").encode_queries([QUERY])
    documents = list(encoder.stream_documents([hit.document.contents for hit in before]))
    expected = {}
    for hit, tokens in zip(before, _split(documents), strict=True):
        expected[hit.id] = float((query @ tokens.T).max(axis=1).sum())
    assert {hit.id: hit.score for hit in found} == pytest.approx(expected, rel=0.02)
    (index.path / index.manifest.segment / index.manifest.segments[0].parts["late"].folder / "late_codes.npy").unlink()
    assert "late_codes.npy: missing" in verify(index.path)[0] and again.search(QUERY, 5).hits


def test_token_vectors_of_another_model_are_refused(retriever: Retriever) -> None:
    encoder = TokenEncoder.load("minilm", max_length=32)
    record: dict[str, Any] = {**encoder.settings(), "fingerprint": "another"}
    encoder.settings = lambda: record  # type: ignore[method-assign]
    index = add_token_vectors(retriever.index, encoder, bits=4)
    with pytest.raises(ModelError, match="is not the one that made these token vectors"):
        Retriever(index).search(QUERY, rerank="late")


def _split(parts: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    return [tokens for indptr, vectors in parts for tokens in np.split(vectors, indptr[1:-1])]

"""Search and evaluation beside those of sentence-transformers, by brute force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")

import torch
from sentence_transformers import SparseEncoder as TheirEncoder
from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator

from lsr import SparseEncoder
from lsr.core.errors import InputError
from lsr.integrations.sentence_transformers import LsrInformationRetrievalEvaluator, semantic_search_lsr

CORPUS = {f"d{number}": text for number, text in enumerate(["owls hunt at night", "terns migrate", "storks", "a fly"])}
QUERIES = {"q1": "what hunts at night", "q2": "terns migrate"}
RELEVANT = {"q1": {"d0"}, "q2": {"d1", "d2"}}


@pytest.mark.parametrize("sparse", [True, False])
def test_search_is_that_of_brute_force(sparse: bool) -> None:
    generator = np.random.default_rng(7)
    corpus, queries = (
        torch.tensor(generator.random((rows, 50)) * (generator.random((rows, 50)) < 0.2), dtype=torch.float32)
        for rows in (200, 12)
    )
    products = (queries @ corpus.T).numpy()
    given = (queries.to_sparse(), corpus.to_sparse()) if sparse else (queries, corpus)
    found, seconds, index = semantic_search_lsr(*given, top_k=7, output_index=True)  # type: ignore[misc]
    assert seconds > 0
    for row, hits in zip(products, found, strict=True):
        assert [hit["corpus_id"] for hit in hits] == np.argsort(-row, kind="stable")[:7].tolist()
        np.testing.assert_allclose([hit["score"] for hit in hits], np.sort(row)[::-1][:7], rtol=1e-5)
    again, _ = semantic_search_lsr(given[0][3], corpus_index=index, top_k=7)  # type: ignore[misc]
    assert again == found[3:4]
    with pytest.raises(InputError, match="corpus_embeddings or corpus_index"):
        semantic_search_lsr(queries)


@pytest.fixture(scope="module")
def model(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("theirs") / "model"
    encoder.save(folder)
    return TheirEncoder(str(folder), device="cpu")


def test_the_evaluation_is_theirs(model: Any, tmp_path: Path) -> None:
    given: dict[str, Any] = {"corpus_chunk_size": 2, "name": "birds", "precision_recall_at_k": [1, 2]}
    theirs = SparseInformationRetrievalEvaluator(QUERIES, CORPUS, RELEVANT, **given)(model, str(tmp_path))
    ours = LsrInformationRetrievalEvaluator(QUERIES, CORPUS, RELEVANT, **given)(model, str(tmp_path))
    assert ours == pytest.approx(theirs, rel=1e-5) and ours["birds_dot_ndcg@10"] > 0.3


def test_what_an_index_cannot_do(model: Any) -> None:
    named = {"cosine": lambda first, second: first @ second.T}
    evaluator = LsrInformationRetrievalEvaluator(QUERIES, CORPUS, RELEVANT, score_functions=named)
    with pytest.raises(InputError, match="inner product, not by cosine"):
        evaluator(model)
    evaluator = LsrInformationRetrievalEvaluator(QUERIES, CORPUS, RELEVANT, write_predictions=True)
    with pytest.raises(InputError, match="write_predictions"):
        evaluator(model)

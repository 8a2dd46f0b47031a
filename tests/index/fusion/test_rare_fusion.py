"""Windows, hybrid search and feedback of an index whose rare terms share columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rare_collection import DIM, RARE, VECTORS, queries

from lsr.core.documents import Document
from lsr.index import Index, IndexBuilder, IndexSettings, add_dense
from lsr.index.fusion.grouping import search_documents
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import HybridHits, search_rows
from lsr.index.fusion.settings import (
    FeedbackSettings,
    FusionSettings,
    RetrievalPlan,
    RetrieveSettings,
    SparseSearchSettings,
)
from lsr.text.windows import WindowSettings, window_id
from lsr.vectors.sparse import SparseVectors

WINDOWS = 3


def make(path: Path, vectors: SparseVectors, *, rare_last: bool) -> Index:
    ids = [window_id(f"d{row // WINDOWS}", row % WINDOWS) for row in range(len(vectors))]
    vectors = SparseVectors(vectors.indptr, vectors.indices, vectors.weights, ids, vectors.dim)
    windows = WindowSettings(score="sum", top=2)
    with IndexBuilder(
        path, dim=DIM, windows=windows, rare_last=rare_last, settings=IndexSettings(reorder=False)
    ) as builder:
        builder.add(vectors, [Document(id, "text") for id in ids])
        index = builder.finish()
    return add_dense(index, [np.random.default_rng(0).normal(size=(len(vectors), 4)).astype(np.float32)])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, Index]:
    """The index, and one of the same vectors where each term has a column."""
    folder = tmp_path_factory.mktemp("fusion")
    rare = make(folder / "rare", VECTORS, rare_last=True)
    return rare, make(folder / "plain", VECTORS, rare_last=False)


def asked(terms: np.ndarray, weights: np.ndarray, row: int) -> HybridQuery:
    dense = np.random.default_rng(row).normal(size=4).astype(np.float32)
    terms, weights = np.asarray(terms, np.uint32), np.asarray(weights, np.float32)
    order = np.argsort(terms)
    return HybridQuery((terms[order], weights[order]), dense)


PLANS = {
    "sparse": RetrievalPlan(),
    "exhaustive": RetrievalPlan(retrieve=RetrieveSettings(sparse=SparseSearchSettings(mode="exhaustive"))),
    "hybrid": RetrievalPlan(
        retrieve=RetrieveSettings(mode="hybrid", depth=30), fusion=FusionSettings(dense_weight=0.4)
    ),
    "hybrid, exact": RetrievalPlan(
        retrieve=RetrieveSettings(mode="hybrid", depth=20),
        fusion=FusionSettings(dense_weight=0.4, completion="exact"),
    ),
}


def answer(hits: HybridHits) -> tuple[list[int], list[float]]:
    return hits.rows.tolist(), hits.scores.tolist()


@pytest.mark.parametrize("plan", PLANS)
def test_windows_and_fusion_are_the_same_to_the_bit(pair: tuple[Index, Index], plan: str) -> None:
    allow = np.random.default_rng(5).random(len(VECTORS)) < 0.4
    for row, (terms, weights) in enumerate(queries()):
        for search in (search_documents, search_rows):
            for chosen in (None, allow):
                query = asked(terms, weights, row)
                rare, plain = (search(index, query, 9, PLANS[plan], allow=chosen) for index in pair)
                assert answer(rare) == answer(plain)


def test_feedback_learns_rare_terms(pair: tuple[Index, Index]) -> None:
    plan = RetrievalPlan(feedback=FeedbackSettings(documents=4, terms=60))
    query = asked(np.array(RARE[:3]), np.array([1.0, 0.5, 2.0]), 0)
    learned = search_rows(pair[0], query, 10, plan)
    expected = search_rows(pair[1], query, 10, plan)
    np.testing.assert_allclose(learned.scores, expected.scores, rtol=1e-5)

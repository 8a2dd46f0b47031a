"""Fusion and feedback: the formulas by hand, the search against brute force over all documents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_oracle import random_vectors

from lsr.core.errors import InputError
from lsr.index import DenseSettings, Index, add_dense
from lsr.index.fusion.feedback import FEEDBACK_METHODS, dense_feedback, document_weights, sparse_feedback
from lsr.index.fusion.fuse import fuse
from lsr.index.fusion.methods import METHODS, FusionMethod, Normaliser, normaliser
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import (
    FeedbackSettings,
    FusionSettings,
    RetrievalPlan,
    RetrieveSettings,
    SparseSearchSettings,
)

DIM, TERMS, DOCUMENTS = 12, 60, 900


def hybrid(mode: str = "hybrid", depth: int = 100, feedback: FeedbackSettings | None = None, **fusion) -> RetrievalPlan:
    retrieve = RetrieveSettings(mode=mode, depth=depth)
    return RetrievalPlan(retrieve=retrieve, feedback=feedback, fusion=FusionSettings(**fusion))


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Index:
    from lsr.index import IndexBuilder

    with IndexBuilder(tmp_path_factory.mktemp("hybrid") / "index", dim=TERMS) as builder:
        builder.add(random_vectors(DOCUMENTS, TERMS, 6, seed=4))
        made = builder.finish()
    random = np.random.default_rng(4)
    return add_dense(made, [random.normal(size=(DOCUMENTS, DIM)).astype(np.float32)])


def ask(seed: int, terms: int = 4) -> HybridQuery:
    random = np.random.default_rng(seed)
    ids = np.sort(random.choice(TERMS, terms, replace=False)).astype(np.uint32)
    weights = random.uniform(0.2, 2, terms).astype(np.float32)
    return HybridQuery((ids, weights), random.normal(size=DIM).astype(np.float32))


def all_scores(index: Index, query: HybridQuery) -> tuple[np.ndarray, np.ndarray]:
    """Both sides' scores of every document, from the vectors that the index stores."""
    ids, weights = query.sparse
    asked = np.zeros(TERMS)
    asked[ids] = weights
    sparse = np.zeros(DOCUMENTS)
    for row in range(DOCUMENTS):
        terms, values = index.vector(row)
        sparse[row] = asked[terms] @ values
    length = np.linalg.norm(query.dense)
    return sparse, index.parts["dense"].vectors.astype(np.float64) @ (query.dense / length)


def best(scores: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-scores, kind="stable")[:k]


# -- formulas --------------------------------------------------------------------------------------------------------


def test_normalisations_by_hand():
    scores = [10.0, 4.0, 2.0]
    np.testing.assert_allclose(normaliser("min_max", scores)(scores), [1, 0.25, 0])
    np.testing.assert_allclose(normaliser("min_max", scores)([0.0]), [-0.25])  # one that was not returned
    deviation = np.sqrt((3.3333333**2 + 1.3333333**2 + 4.6666667**2) / 3)
    np.testing.assert_allclose(normaliser("z_score", scores)(scores), [4.6666667, -1.3333333, -3.3333333] / deviation)
    np.testing.assert_allclose(normaliser("none", scores)(scores), scores)
    np.testing.assert_allclose(normaliser("tmm", scores, 0.0)(scores), [1, 0.4, 0.2])
    np.testing.assert_allclose(normaliser("tmm", [0.6, -0.2], -1.0)([0.6, -0.2]), [1, 0.5])
    np.testing.assert_allclose(normaliser("tmm", scores)(scores), [1, 0.25, 0])  # no least: as min_max
    np.testing.assert_allclose(normaliser("min_max", [3.0, 3.0])([3.0, 3.0]), [1, 1])
    np.testing.assert_allclose(normaliser("z_score", [3.0])([3.0]), [0])
    np.testing.assert_allclose(normaliser("min_max", [])([1.0]), [1])


def test_fused_rankings_by_hand(index):
    scores = np.array([5, 4], np.float32)
    sparse, dense = (np.array([7, 3]), scores), (np.array([3, 9]), scores)
    fused = fuse(index, sparse, dense, (1.0, 1.0), None, divisors=np.array([61.0, 62.0]))
    assert (fused.rows.tolist(), fused.ranks.tolist()) == ([3, 7, 9], [[2, 1, 0], [1, 0, 2]])
    np.testing.assert_allclose(fused.scores, [1 / 62 + 1 / 61, 1 / 61, 1 / 62], rtol=1e-15)
    np.testing.assert_array_equal(fused.side_scores, [[4, 5, np.nan], [5, np.nan, 4]])
    # (score - 3) / 2 on the left, the score on the right, 1 and 2 where a side lacks the row.
    maps = (Normaliser(3.0, 0.5), Normaliser(0.0, 1.0))
    fused = fuse(index, sparse, dense, (0.25, 0.75), 2, maps=maps, absent=(1.0, 2.0))
    assert (fused.rows.tolist(), fused.ranks.tolist()) == ([3, 9], [[2, 0], [1, 2]])
    np.testing.assert_allclose(fused.contributions, [[0.25 * 0.5, 0.25 * -1], [0.75 * 5, 0.75 * 4]])
    np.testing.assert_allclose(fused.scores, [3.875, 2.75])


def test_sparse_rocchio_by_hand():
    # q = (3, 4) has length 5, d1 = (0, 1) length 1, d2 = (0, 0, 2) length 2:
    # .5 q/5 + .25 d1 + .25 d2/2 = (.3, .65, .25), scaled to length 5.
    query = (np.array([0, 1], np.uint32), np.array([3, 4], np.float32))
    documents = [(np.array([1], np.uint32), np.array([1], np.float32)), (np.array([2], np.uint32), np.array([2.0]))]
    terms, weights = sparse_feedback("rocchio", query, documents, [9.0, 1.0], 0.5, 10)
    expected = np.array([0.3, 0.65, 0.25])
    assert terms.tolist() == [0, 1, 2]
    np.testing.assert_allclose(weights, 5 * expected / np.linalg.norm(expected), rtol=1e-6)
    terms, weights = sparse_feedback("rocchio", query, documents, [9.0, 1.0], 0.5, 2)
    assert terms.tolist() == [0, 1]
    np.testing.assert_allclose(np.linalg.norm(weights), 5, rtol=1e-6)


def test_rm3_by_hand():
    # p(t|q) = (1/4, 3/4); documents count 9/10 and 1/10; p(t|d1) = (0, 1), p(t|d2) = (1/2, 0, 1/2).
    query = (np.array([0, 1], np.uint32), np.array([1, 3], np.float32))
    documents = [
        (np.array([1], np.uint32), np.array([7.0], np.float32)),
        (np.array([0, 2], np.uint32), np.array([2.0, 2.0], np.float32)),
    ]
    assert document_weights("rm3", [9.0, 1.0]).tolist() == [0.9, 0.1]
    terms, weights = sparse_feedback("rm3", query, documents, [9.0, 1.0], 0.6, 10)
    assert terms.tolist() == [0, 1, 2]
    expected = [0.6 * 0.25 + 0.4 * 0.1 * 0.5, 0.6 * 0.75 + 0.4 * 0.9, 0.4 * 0.1 * 0.5]
    np.testing.assert_allclose(weights, 4 * np.array(expected), rtol=1e-6)


def test_dense_feedback_by_hand():
    query, documents = np.array([1.0, 0.0]), np.array([[0.0, 1.0], [0.0, 3.0]])
    np.testing.assert_allclose(dense_feedback("rocchio", query, documents, [3.0, 1.0], 0.6), [0.6, 0.8])
    np.testing.assert_allclose(dense_feedback("rm3", query, documents, [3.0, 1.0], 0.6), [0.6, 0.6])
    assert document_weights("rm3", [-1.0, -3.0]).tolist() == [1.0, 0.0]
    assert document_weights("rm3", [0.0, 0.0]).tolist() == [0.5, 0.5]


# -- the search ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    method=st.sampled_from(["tmm", "min_max", "z_score", "none"]),
    weight=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    depth=st.sampled_from([1, 3, 10, 200]),
    k=st.sampled_from([1, 5, 30]),
    filtered=st.booleans(),
)
def test_completed_fusion_equals_brute_force_over_all_documents(index, seed, method, weight, depth, k, filtered):
    query = ask(seed)
    mask = np.random.default_rng(seed).random(DOCUMENTS) < 0.3 if filtered else np.ones(DOCUMENTS, bool)
    sparse, dense = all_scores(index, query)
    sides = []
    for scores, positive, least in ((sparse, True, 0.0), (dense, False, -1.0)):
        allowed = np.where(mask & ((scores > 0) | (not positive)), scores, -np.inf)
        returned = np.sort(allowed[np.isfinite(allowed)])[::-1][:depth]
        sides.append(normaliser(method, returned, least)(scores))
    expected = np.where(mask, (1 - weight) * sides[0] + weight * sides[1], -np.inf)
    plan = hybrid(method=method, dense_weight=weight, completion="exact", depth=depth)
    hits = search_rows(index, query, k, plan, allow=mask if filtered else None)
    # float32 scores on one side, float64 on the other: equal but for rounding, so near ties may change places.
    np.testing.assert_allclose(hits.scores, expected[best(expected, k)], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(hits.scores, expected[hits.rows], atol=1e-4, rtol=1e-4)
    assert mask[hits.rows].all()
    np.testing.assert_allclose(hits.sparse.contributions + hits.dense.contributions, hits.scores, rtol=1e-9)
    np.testing.assert_allclose(hits.dense.scores, dense[hits.rows], atol=1e-5)
    np.testing.assert_allclose(hits.sparse.scores, sparse[hits.rows], atol=1e-5)


def test_candidates_are_completed_and_without_completion_the_lowest_score_stands_in(index):
    query = ask(1)
    sparse, dense = all_scores(index, query)
    rows = np.union1d(best(sparse, 10), best(dense, 10))
    left = normaliser("min_max", np.sort(sparse)[::-1][:10])
    right = normaliser("min_max", np.sort(dense)[::-1][:10])
    fused = 0.7 * left(sparse[rows]) + 0.3 * right(dense[rows])
    common = {"method": "min_max", "dense_weight": 0.3, "depth": 10}
    hits = search_rows(index, query, 10, hybrid(completion="candidates", **common))
    assert hits.rows.tolist() == rows[best(fused, 10)].tolist()
    assert not np.isnan(hits.sparse.scores).any() and (hits.sparse.ranks == 0).any()

    returned = [np.isin(rows, best(scores, 10)) for scores in (sparse, dense)]
    fused = 0.7 * np.where(returned[0], left(sparse[rows]), 0) + 0.3 * np.where(returned[1], right(dense[rows]), 0)
    hits = search_rows(index, query, 10, hybrid(completion="none", **common))
    assert hits.rows.tolist() == rows[best(fused, 10)].tolist()
    assert np.isnan(hits.sparse.scores[hits.sparse.ranks == 0]).all()


def test_ranks_are_fused_as_published(index):
    query = ask(2)
    sparse, dense = all_scores(index, query)
    fused = np.zeros(DOCUMENTS)
    for scores in (sparse, dense):
        for rank, row in enumerate(best(scores, 20), start=1):
            fused[row] += 1 / (60 + rank)
    hits = search_rows(index, query, 10, hybrid(method="rrf", depth=20))
    assert hits.rows.tolist() == best(fused, 10).tolist()
    np.testing.assert_allclose(hits.scores, fused[hits.rows])


def test_a_method_of_ranks_is_an_entry(index, monkeypatch):
    """Inverse square rank (Mourão et al. 2013)."""
    monkeypatch.setitem(METHODS, "isr", FusionMethod("adds inverse squares", 0.5, None, lambda ranks, _: ranks**2))
    query = ask(2)
    fused = np.zeros(DOCUMENTS)
    for scores in all_scores(index, query):
        for rank, row in enumerate(best(scores, 20), start=1):
            fused[row] += 1 / rank**2
    hits = search_rows(index, query, 10, hybrid(method="isr", depth=20))
    assert hits.rows.tolist() == best(fused, 10).tolist()
    np.testing.assert_allclose(hits.scores, fused[hits.rows])


def test_sparse_first_scores_what_sparse_search_found_and_needs_no_dense_index(index, tmp_path):
    query = ask(3)
    sparse, dense = all_scores(index, query)
    rows = np.sort(best(sparse, 15))
    fused = 0.5 * normaliser("min_max", np.sort(sparse[rows])[::-1])(sparse[rows])
    fused += 0.5 * normaliser("min_max", np.sort(dense[rows])[::-1])(dense[rows])
    settings = hybrid("sparse-first", method="min_max", depth=15)
    assert search_rows(index, query, 8, settings).rows.tolist() == rows[best(fused, 8)].tolist()

    from lsr.index import IndexBuilder

    with IndexBuilder(tmp_path / "index", dim=TERMS) as builder:
        builder.add(random_vectors(DOCUMENTS, TERMS, 6, seed=4))
        other = builder.finish()
    other = add_dense(other, [index.parts["dense"].vectors], settings=DenseSettings("hnsw"), threads=1)
    assert search_rows(other, query, 8, settings).rows.tolist() == rows[best(fused, 8)].tolist()
    assert other.parts["dense"]._ann is None


def test_a_query_without_terms_and_documents_without_matches(index):
    query = HybridQuery((np.empty(0, np.uint32), np.empty(0, np.float32)), ask(0).dense)
    _, dense = all_scores(index, query)
    for completion in ("none", "candidates", "exact"):
        settings = hybrid(completion=completion)
        assert search_rows(index, query, 5, settings).rows.tolist() == best(dense, 5).tolist()
    assert len(search_rows(index, query, 5, hybrid("sparse-first")).rows) == 0


@pytest.mark.parametrize("method", FEEDBACK_METHODS)
def test_a_query_without_terms_stays_one_after_feedback(index, method):
    empty = (np.empty(0, np.uint32), np.empty(0, np.float32))
    documents = [index.vector(row) for row in range(3)]
    assert len(sparse_feedback(method, empty, documents, [3.0, 2.0, 1.0], 0.5, 20)[0]) == 0
    query = HybridQuery(empty, ask(0).dense)
    feedback = FeedbackSettings(
        method=method, interpolate="both"
    )  # learns from the fused ranking: that of the dense side
    hits = search_rows(index, query, 5, hybrid(feedback=feedback))
    alone = FeedbackSettings(method=method, vectors="dense", interpolate="both")
    assert len(hits.rows) == 5 and len(hits.query.sparse[0]) == 0
    assert hits.rows.tolist() == search_rows(index, query, 5, hybrid(feedback=alone)).rows.tolist()


@pytest.mark.parametrize("interpolate", ["before", "after", "both"])
def test_dense_feedback_learns_from_the_ranking_that_was_asked_for(index, interpolate):
    query = ask(5)
    sparse, dense = all_scores(index, query)
    fused = 0.5 * normaliser("min_max", np.sort(sparse)[::-1][:50])(sparse)
    fused += 0.5 * normaliser("min_max", np.sort(dense)[::-1][:50])(dense)
    learned = best(dense if interpolate == "after" else fused, 4)
    vectors = index.parts["dense"].vectors.astype(np.float64)
    asked = 0.5 * query.dense / np.linalg.norm(query.dense) + 0.5 * vectors[learned].mean(axis=0)
    again = vectors @ (asked / np.linalg.norm(asked))
    if interpolate != "before":
        again = 0.5 * normaliser("min_max", np.sort(again)[::-1][:50])(again)
        again += 0.5 * normaliser("min_max", np.sort(sparse)[::-1][:50])(sparse)
    feedback = FeedbackSettings(vectors="dense", documents=4, interpolate=interpolate)
    settings = hybrid(method="min_max", depth=50, completion="exact", feedback=feedback)
    assert search_rows(index, query, 10, settings).rows.tolist() == best(again, 10).tolist()


def test_sparse_feedback_searches_with_the_new_query(index):
    query = ask(6)
    sparse, _ = all_scores(index, query)
    learned = best(sparse, 3)
    new = sparse_feedback("rm3", query.sparse, [index.vector(row) for row in learned], sparse[learned], 0.5, 20)
    settings = RetrievalPlan(feedback=FeedbackSettings(method="rm3", terms=20))
    hits = search_rows(index, HybridQuery(query.sparse), 10, settings)
    assert hits.query.sparse[0].tolist() == new[0].tolist()
    assert hits.rows.tolist() == index.search(*new, 10).rows.tolist()
    assert hits.dense is None and set(hits.milliseconds) == {"sparse", "feedback"}


def test_settings_that_make_no_sense_are_refused(index):
    for made in (
        lambda: FusionSettings(method="sum"),
        lambda: FusionSettings(dense_weight=1.5),
        lambda: FusionSettings(completion="some"),
        lambda: RetrieveSettings(depth=0),
        lambda: FeedbackSettings(method="bo1"),
        lambda: hybrid(feedback=FeedbackSettings(interpolate="before")),
        lambda: hybrid("sparse-first", feedback=FeedbackSettings(vectors="dense", interpolate="before")),
        lambda: FeedbackSettings(documents=0),
        lambda: RetrieveSettings(mode="both"),
        lambda: RetrievalPlan(feedback=FeedbackSettings(vectors="dense")),
        lambda: RetrievalPlan(
            retrieve=RetrieveSettings(mode="hybrid", sparse=SparseSearchSettings(mode="approximate")),
            fusion=FusionSettings(completion="exact"),
        ),
        lambda: search_rows(index, HybridQuery(ask(0).sparse), 5, hybrid()),
        lambda: search_rows(index, ask(0), 0),
    ):
        with pytest.raises(InputError):
            made()

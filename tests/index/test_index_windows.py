"""Indexes of windows: grouping against brute force over all documents, what is stored, and damage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_oracle import random_vectors
from index_tampering import edit_array, edit_manifest

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError, NotFoundError
from lsr.index import Index, IndexBuilder, add_dense, prune_index, store_tuning, verify
from lsr.index.fusion.grouping import group_rows, search_documents
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import HybridHits, search_rows
from lsr.index.fusion.settings import (
    FeedbackSettings,
    FusionSettings,
    RetrievalPlan,
    RetrieveSettings,
    SparseSearchSettings,
)
from lsr.index.fusion.sides import RowRanking
from lsr.index.fusion.windows import ScoredWindows, best_by_max, best_by_sum, best_of, top_windows
from lsr.text.windows import WindowSettings, cut_document, window_id
from lsr.vectors.pruning import TopK
from lsr.vectors.sparse import SparseVectors

TERMS, DIM = 40, 8


def brute_force(documents: np.ndarray, scores: np.ndarray, k: int, top: int, counts: np.ndarray) -> list:
    """(document, score, its best row) of the k best documents; windows that do not count are left out."""
    found = []
    for document in np.unique(documents):
        rows = np.flatnonzero((documents == document) & counts)
        if len(rows):
            best = rows[np.argsort(-scores[rows], kind="stable")]
            found.append((int(document), float(sum(scores[best[:top]].tolist())), int(best[0])))
    return sorted(found, key=lambda each: (-each[1], each[0]))[:k]


# -- the grouping ----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=12),
    seed=st.integers(0, 10_000),
    k=st.integers(1, 14),
    depth=st.integers(1, 20),
    top=st.integers(1, 4),
    negative=st.booleans(),
)
def test_grouping_equals_brute_force_over_all_documents(lengths, seed, k, depth, top, negative):
    """Few different scores, so that ties abound; a sparse search finds the positive ones, a dense one all."""
    documents = np.repeat(np.arange(len(lengths)), lengths)
    scores = np.random.default_rng(seed).integers(-3 if negative else 0, 4, len(documents)).astype(np.float32) / 2
    order = np.lexsort((np.arange(len(scores)), -scores))
    if not negative:
        order = order[scores[order] > 0]
    seen = np.isin(documents, documents[order])
    for by_sum in (False, True):
        best = None
        for reached in range(depth, len(order) + 2 + depth):
            ranking = RowRanking(order[:reached], scores[order[:reached]], reached > len(order))
            of_ranking = documents[ranking.rows]
            windows = np.flatnonzero(np.isin(documents, of_ranking))
            scored = ScoredWindows(documents[windows], scores[windows].astype(np.float64))
            best = best_by_sum(ranking, of_ranking, scored, k, top) if by_sum else best_by_max(ranking, of_ranking, k)
            if best is not None:
                break
        rows = ranking.rows[best.places]
        expected = brute_force(documents, scores, k, top if by_sum else 1, seen)
        assert list(zip(best.documents.tolist(), best.scores.tolist(), rows.tolist(), strict=True)) == expected


def test_a_search_by_sum_goes_no_deeper_than_the_bound_asks_for():
    documents = np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    scores = np.array([9, 8, 3, 1, 1, 1, 1, 1, 1, 1], np.float32)

    def best_of_first(count: int):
        ranking = RowRanking(np.arange(count), scores[:count], False)
        windows = ScoredWindows(documents[:count], scores[:count].astype(np.float64))
        return best_by_sum(ranking, documents[:count], windows, 1, 2)

    # After one window another document can reach 2 · 9 = 18, after three no more than 2 · 3 = 6.
    assert best_of_first(1) is None
    best = best_of_first(3)
    assert (best.documents.tolist(), best.scores.tolist()) == ([0], [17.0])


def test_top_windows_by_hand():
    kept, owners = top_windows(np.array([5, 2, 5, 5, 2]), np.array([1.0, 7, 3, 3, 8]), 2)
    assert (kept.tolist(), owners.tolist()) == ([4, 1, 2, 3], [0, 0, 1, 1])
    best = best_of(np.array([5, 2, 5, 5, 2]), np.array([1.0, 7, 3, 3, 8]), 2, 2)
    assert [values.tolist() for values in best] == [[2, 5], [15.0, 6.0], [4, 2]]
    best = best_of(np.array([5, 2, 5, 5, 2]), np.array([1.0, 7, 3, 3, 8]), 1, 1)
    assert [values.tolist() for values in best] == [[2], [8.0], [4]]


# -- searches --------------------------------------------------------------------------------------------------------


def make(path, score: str, documents: int = 150, top: int = 3) -> Index:
    """An index of windows with dense vectors; documents have 1 to 6 windows."""
    random = np.random.default_rng(3)
    lengths = random.integers(1, 7, documents)
    ids = [window_id(f"d{d}", n) for d, length in enumerate(lengths.tolist()) for n in range(length)]
    drawn = random_vectors(len(ids), TERMS, 4, seed=5, levels=4)
    vectors = SparseVectors(drawn.indptr, drawn.indices, drawn.weights, ids, TERMS)
    with IndexBuilder(path, dim=TERMS, windows=WindowSettings(score=score, top=top)) as builder:
        for start in range(0, len(ids), 64):
            builder.add(vectors[slice(start, start + 64)])
        index = builder.finish()
    return add_dense(index, [random.normal(size=(len(ids), DIM)).astype(np.float32)])


@pytest.fixture(scope="module")
def indexes(tmp_path_factory) -> dict[str, Index]:
    folder = tmp_path_factory.mktemp("windows")
    return {score: make(folder / score, score) for score in ("max", "sum")}


def ask(seed: int) -> HybridQuery:
    random = np.random.default_rng(seed)
    ids = np.sort(random.choice(TERMS, 2, replace=False)).astype(np.uint32)
    return HybridQuery((ids, random.integers(1, 4, 2).astype(np.float32)), random.normal(size=DIM).astype(np.float32))


def plan_of(mode: str, depth: int = 100, **fusion) -> RetrievalPlan:
    retrieve = RetrieveSettings(mode=mode, depth=depth)
    return RetrievalPlan(retrieve=retrieve, fusion=FusionSettings(**fusion) if fusion else None)


def search_sparse(index: Index, query: HybridQuery, k: int, **sparse) -> HybridHits:
    plan = RetrievalPlan(retrieve=RetrieveSettings(sparse=SparseSearchSettings(**sparse)))
    return search_documents(index, HybridQuery(query.sparse), k, plan)


@pytest.mark.parametrize("score", ["max", "sum"])
@pytest.mark.parametrize("vectors", ["sparse", "dense"])
@pytest.mark.parametrize("filtered", [False, True])
def test_documents_are_those_of_brute_force(indexes, score, vectors, filtered):
    index = indexes[score]
    documents = np.array([int(id.split("#")[0][1:]) for id in index.documents.row_ids(np.arange(len(index)))])
    everything = np.arange(len(index))
    for seed in range(12):
        query, k = ask(seed), (1, 10, 140, 1000)[seed % 4]
        mask = np.random.default_rng(seed).random(len(index)) < 0.4 if filtered else np.ones(len(index), bool)
        if vectors == "sparse":
            scores = index.scores(*query.sparse, everything)
            found = mask & (scores > 0)
        else:
            scores = index.parts["dense"].scores(query.dense, everything)
            found = mask
        # A document counts if a window of it is found, with all windows that may count.
        counts = mask & np.isin(documents, documents[found])
        expected = brute_force(documents, scores, k, 3 if score == "sum" else 1, counts)
        hits = search_documents(index, query, k, plan_of(vectors, depth=7), allow=mask if filtered else None)
        got = [(int(documents[row]), score, row) for row, score in zip(hits.rows.tolist(), hits.scores, strict=True)]
        assert got == expected
        side = hits.sparse if vectors == "sparse" else hits.dense
        np.testing.assert_array_equal(side.scores, scores[hits.rows])
        np.testing.assert_array_equal(side.contributions, hits.scores)


@pytest.mark.parametrize("mode", ["auto", "exact", "exhaustive", "approximate"])
def test_every_mode_of_the_sparse_index_gives_documents(indexes, mode):
    query = ask(1)
    hits = search_sparse(indexes["max"], query, 5, mode=mode)
    exact = search_sparse(indexes["max"], query, 5, mode="exhaustive")
    assert hits.rows.tolist() == exact.rows.tolist() and hits.sparse_stats is not None
    assert len(set(indexes["max"].documents.ids(hits.rows))) == 5


def test_hybrid_documents_by_max_are_those_of_all_fused_windows(indexes):
    for seed in range(6):
        query = ask(seed)
        settings = plan_of("hybrid", completion="exact", depth=20, dense_weight=0.4)
        windows = search_rows(indexes["max"], query, len(indexes["max"]), settings)
        documents = indexes["max"].documents.windows.documents_of(windows.rows)
        first = np.sort(np.unique(documents, return_index=True)[1])[:9]
        hits = search_documents(indexes["max"], query, 9, settings)
        np.testing.assert_array_equal(hits.rows, windows.rows[first])
        np.testing.assert_allclose(hits.scores, windows.scores[first])
        np.testing.assert_allclose(hits.sparse.contributions + hits.dense.contributions, hits.scores)


@pytest.mark.parametrize("vectors", ["hybrid", "sparse-first"])
def test_hybrid_documents_by_sum_add_up_what_was_retrieved(indexes, vectors):
    index, query = indexes["sum"], ask(2)
    settings = plan_of(vectors, depth=60, dense_weight=0.4)
    windows = search_rows(index, query, 60, settings)
    documents = index.documents.windows.documents_of(windows.rows)
    by_document: dict[int, list[float]] = {}
    for document, score in zip(documents.tolist(), windows.scores.tolist(), strict=True):
        by_document.setdefault(document, []).append(score)
    sums = {document: sum(sorted(scores)[::-1][:3]) for document, scores in by_document.items()}
    expected = sorted(sums, key=lambda document: (-sums[document], document))[:5]
    hits = search_documents(index, query, 5, settings)
    assert index.documents.windows.documents_of(hits.rows).tolist() == expected
    np.testing.assert_allclose(hits.scores, [sums[document] for document in expected])
    np.testing.assert_allclose(hits.sparse.contributions + hits.dense.contributions, hits.scores)
    rows, scores = group_rows(index, windows.rows[::-1], windows.scores[::-1], 5)
    np.testing.assert_array_equal(rows, hits.rows)
    np.testing.assert_allclose(scores, hits.scores)


def test_feedback_learns_from_windows(indexes):
    settings = RetrievalPlan(feedback=FeedbackSettings(documents=4))
    windows = search_rows(indexes["sum"], ask(3), 50, settings)
    hits = search_documents(indexes["sum"], ask(3), 5, settings)
    np.testing.assert_array_equal(hits.query.sparse[0], windows.query.sparse[0])
    everything = np.arange(len(indexes["sum"]))
    scores = indexes["sum"].scores(*windows.query.sparse, everything)
    documents = indexes["sum"].documents.windows.documents_of(everything)
    expected = brute_force(documents, scores, 5, 3, np.isin(documents, documents[scores > 0]))
    assert list(zip(documents[hits.rows].tolist(), hits.scores, hits.rows.tolist(), strict=True)) == expected


def test_a_tuning_for_k_documents_serves_deeper_searches_of_windows(indexes):
    from lsr.index import Tuning

    index = Index.open(indexes["max"].path)
    store_tuning(index, Tuning(5, 0.9, "approximate", {"max_blocks": 1000}, 1.0, 1.0, 10))
    index = Index.open(index.path)
    hits = search_sparse(index, ask(1), 5, recall=0.9)
    assert hits.sparse_stats.mode == "approximate"
    assert hits.rows.tolist() == search_sparse(index, ask(1), 5, mode="exact").rows.tolist()
    with pytest.raises(InputError, match=r"not tuned for recall 0\.9 at k 6"):
        search_sparse(index, ask(1), 6, recall=0.9)
    with pytest.raises(InputError, match="k must be at least 1"):
        search_sparse(index, ask(1), 0)


def test_without_windows_documents_are_rows(build):
    index = build(random_vectors(80, TERMS, seed=2))
    query = ask(0)
    plain = index.search(*query.sparse, 7)
    assert search_sparse(index, query, 7).rows.tolist() == plain.rows.tolist()
    assert index.documents.ids(plain.rows) == plain.ids and len(index.documents) == len(index)
    assert index.documents.rows_of("d3") == range(3, 4) and index.documents.passage(3)[1] is None
    assert group_rows(index, np.array([4, 2, 9]), np.array([1.0, 3, 1]), 2)[0].tolist() == [2, 4]


# -- what is stored --------------------------------------------------------------------------------------------------

TEXT = "One two three. Four five six! Seven eight nine? Ten."
LONG = [Document("a#0", TEXT, "Title", {"x": 1}), Document("a", "Short."), Document("a#0#1", TEXT * 2, "", {"y": 2})]
CUT = WindowSettings(words=5, stride=4)


def build_long(path, cut: WindowSettings = CUT) -> Index:
    rows = [row for document in LONG for row in cut_document(document, cut)]
    vectors = random_vectors(len(rows), TERMS, seed=1)
    vectors = SparseVectors(vectors.indptr, vectors.indices, vectors.weights, [row.id for row in rows], TERMS)
    with IndexBuilder(path, dim=TERMS, windows=cut) as builder:
        builder.add(vectors, rows)
        return builder.finish()


def test_documents_come_back_whole_whatever_their_ids(tmp_path):
    index = build_long(tmp_path / "index")
    assert len(index.documents) == 3 < len(index) and verify(index.path) == []
    for number, document in enumerate(LONG):
        assert index.documents.get(document.id) == document
        rows = index.documents.rows_of(document.id)
        assert index.documents.windows.documents_of(np.array(rows)).tolist() == [number] * len(rows)
        assert set(index.documents.ids(np.array(rows))) == {document.id}
        for row in rows:
            shown, window = index.documents.passage(row)
            assert (shown.id, shown.title, shown.fields) == (document.id, document.title, document.fields)
            assert window.number == row - rows.start and document.text[window.start : window.stop] == shown.text
            assert index.documents.row(f"{document.id}#{window.number}") == row
    assert index.documents.windows.windows_of(np.array([0, 2])).tolist() == [
        *index.documents.rows_of("a#0"),
        *index.documents.rows_of("a#0#1"),
    ]
    for id in ("a#1", "b", "a#0#0"):
        with pytest.raises(NotFoundError, match=f"no document with id '{id}'"):
            index.documents.get(id)


def test_first_windows_alone(tmp_path):
    index = build_long(tmp_path / "index", WindowSettings(score="first", words=5, stride=4))
    assert len(index) == len(index.documents) == 3
    assert index.documents.get("a#0") == Document("a#0", "One two three. ", "Title", {"x": 1})


def test_a_pruned_index_keeps_its_windows(tmp_path):
    index = build_long(tmp_path / "index")
    pruned = prune_index(index, tmp_path / "pruned", TopK(2))
    assert (
        pruned.segments[0].record.windows == index.segments[0].record.windows and pruned.documents.get("a#0") == LONG[0]
    )
    np.testing.assert_array_equal(pruned.documents.windows.row_documents, index.documents.windows.row_documents)


@pytest.mark.parametrize(
    "ids", [["a#1"], ["a#0", "a#2"], ["a#0", "b#1"], ["a"], ["a#x"], ["a#-1"], ["a#0", "b#0", "a#1"]]
)
def test_rows_that_are_no_windows_in_order_are_refused(tmp_path, ids):
    vectors = random_vectors(len(ids), TERMS)
    vectors = SparseVectors(vectors.indptr, vectors.indices, vectors.weights, ids, TERMS)
    with IndexBuilder(tmp_path / "index", dim=TERMS, windows=CUT) as builder, pytest.raises(InputError, match="window"):
        builder.add(vectors)
    assert not (tmp_path / "index").exists()


def test_damage_is_named(tmp_path):
    index = build_long(tmp_path / "index")
    edit_array(index, "window_documents.npy", lambda values: values.__setitem__(2, 2))
    (problem,) = verify(index.path)
    assert "window_documents.npy: numbers do not ascend one by one from 0 to 2" in problem
    with pytest.raises(IndexFormatError, match="do not ascend one by one"):
        Index.open(index.path)
    edit_manifest(index.path, lambda record: record["windows"].pop("documents"))
    with pytest.raises(IndexFormatError, match="record of the windows is not readable"):
        Index.open(index.path)
    index = build_long(tmp_path / "other")
    (index.path / index.manifest.segment / "window_documents.npy").unlink()
    with pytest.raises(IndexFormatError, match=r"window_documents\.npy: missing"):
        Index.open(index.path)


def test_a_manifest_from_before_windows_opens(build):
    index = build(random_vectors(20, TERMS))
    edit_manifest(index.path, lambda record: record.pop("windows"))
    assert Index.open(index.path).documents.windows is None

"""Relevance of hits: it never contradicts a ranking, and a least one leaves out what has less, in every mode."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors

from lsr import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.index import Index, IndexBuilder, add_dense, verify
from lsr.index.format.output import change_manifest
from lsr.index.fusion.query import HybridQuery
from lsr.search.flat import plan_of
from lsr.search.relevance import (
    DENSE_SCORE,
    QUERY_WEIGHT,
    RERANK_SCORE,
    SPARSE_SCORE,
    Calibration,
    clear_calibrations,
    kind_of_search,
    made_by,
    relevance_of,
    store_calibration,
)
from lsr.search.retriever import Retriever

DIM, TERMS, DOCUMENTS = 12, 60, 500
SIDES: list[dict[str, Any]] = [{"mode": "exact"}, {"mode": "dense"}]
FEEDBACK: dict[str, Any] = {"mode": "exact", "feedback": "rm3"}
FUSED: list[dict[str, Any]] = [
    {"mode": "hybrid"},
    {"mode": "hybrid", "fusion": "rrf"},
    {"mode": "hybrid", "fusion": "min_max", "completion": "none"},
    {"mode": "sparse-first"},
]
WEIGHTS = {
    "sparse": {SPARSE_SCORE: 2.0, QUERY_WEIGHT: -1.0},
    "dense": {DENSE_SCORE: 4.0},
    "hybrid": {SPARSE_SCORE: 2.0, QUERY_WEIGHT: -1.0, DENSE_SCORE: 4.0},
    "sparse-first": {SPARSE_SCORE: 2.0, QUERY_WEIGHT: -1.0, DENSE_SCORE: 4.0},
}
RANDOM = np.random.default_rng(5)
QUERY = {"vector": (np.array([3, 7, 20, 41]), np.array([1.0, 0.5, 2.0, 0.7])), "dense_vector": RANDOM.normal(size=DIM)}


def calibration(index: Index, **plan: Any) -> Calibration:
    kind = kind_of_search(index, plan_of(**plan))
    weights = WEIGHTS[kind["mode"]]
    return Calibration(
        search=kind,
        made_by=made_by(index),
        intercept=-1.0,
        weights=weights,
        judged=True,
        queries=30,
        documents=len(index.documents),
    )


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Index:
    path = tmp_path_factory.mktemp("relevance") / "index"
    vectors = random_vectors(DOCUMENTS, TERMS, 6, seed=4)
    with IndexBuilder(path, dim=TERMS) as builder:
        builder.add(vectors, [Document(id, "", fields={"even": n % 2 == 0}) for n, id in enumerate(vectors.ids)])
        made = builder.finish()
    dense = np.random.default_rng(4).normal(size=(DOCUMENTS, DIM)).astype(np.float32)
    return add_dense(made, [dense])


@pytest.fixture(scope="module")
def retriever(bare: Index) -> Retriever:
    for plan in (*SIDES, FEEDBACK, *FUSED):
        store_calibration(Index.open(bare.path), calibration(Index.open(bare.path), **plan))
    return Retriever.open(bare.path)


def asked(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan, and the vectors that it needs."""
    needs = {"exact": ["vector"], "dense": ["dense_vector"]}.get(plan["mode"], list(QUERY))
    return {**plan, **{name: QUERY[name] for name in needs}}


def test_relevance_is_the_logistic_function_of_a_score(retriever: Retriever) -> None:
    """By hand: query weight 4.2; -1 + 2 ln(score) - ln(4.2)."""
    for hit in retriever.search(k=5, **asked({"mode": "exact"})):
        expected = 1 / (1 + np.exp(1 - 2 * np.log(hit.score) + np.log(4.2)))
        assert hit.relevance == pytest.approx(expected, rel=1e-6)
    for hit in retriever.search(k=5, **asked({"mode": "dense"})):
        assert hit.relevance == pytest.approx(1 / (1 + np.exp(1 - 4 * hit.score)), rel=1e-6)


@pytest.mark.parametrize("plan", [*SIDES, FEEDBACK, *FUSED])
def test_relevance_falls_along_every_ranking(retriever: Retriever, bare: Index, plan: dict[str, Any]) -> None:
    found = retriever.search(k=100, **asked(plan))
    said = [hit.relevance for hit in found]
    assert len(said) == 100 and all(0 <= each <= 1 for each in said)
    assert said == sorted(said, reverse=True) and said[0] > said[-1]
    without = Retriever(bare)
    assert [(hit.id, hit.score, hit.relevance) for hit in without.search(k=100, **asked(plan))] == [
        (hit.id, hit.score, None) for hit in found
    ]


@pytest.mark.parametrize("plan", [*SIDES, FEEDBACK, *FUSED])
def test_a_least_relevance_cuts_the_ranking(retriever: Retriever, plan: dict[str, Any]) -> None:
    everything = list(retriever.search(k=100, **asked(plan)))
    least = (everything[29].relevance + everything[40].relevance) / 2
    enough = [(hit.rank, hit.id, hit.relevance) for hit in everything if hit.relevance >= least]
    assert 0 < len(enough) < 60
    answer = retriever.search(k=100, min_relevance=least, **asked(plan))
    assert [(hit.rank, hit.id, hit.relevance) for hit in answer] == enough
    assert answer.total is not None and answer.total.value == len(enough)
    given = {"min_relevance": least, **asked(plan)}
    pages = [hit for offset in range(0, 60, 7) for hit in retriever.search(k=7, offset=offset, **given)]
    assert [(hit.rank, hit.id, hit.relevance) for hit in pages] == enough
    nothing = retriever.search(k=10, min_relevance=1.0, **asked(plan))
    assert not nothing.hits and nothing.total == (0, "exact")
    assert len(retriever.search(k=100, min_relevance=0.0, **asked(plan))) == 100


def test_filters_do_not_change_what_a_document_is_worth(retriever: Retriever) -> None:
    everything = {hit.id: hit.relevance for hit in retriever.search(k=400, **asked({"mode": "exact"}))}
    some = retriever.search(k=50, filter="even", **asked({"mode": "exact"}))
    assert len(some) and all(hit.relevance == everything[hit.id] for hit in some)


def test_counts_facets_orders_and_later_pages_go_by_it_too(retriever: Retriever) -> None:
    plan = asked({"mode": "exact"})
    everything = list(retriever.search(k=DOCUMENTS, **plan))
    least = everything[30].relevance - 1e-9
    enough = [hit.id for hit in everything if hit.relevance >= least]
    counted = retriever.search(k=3, min_relevance=least, count=True, facets={"even": 2}, **plan)
    assert counted.total == (len(enough), "exact")
    assert sum(value.documents for value in counted.facets["even"].values) == len(enough)
    worth = {hit.id: hit.relevance for hit in everything if hit.id in enough}
    ordered = retriever.search(k=DOCUMENTS, min_relevance=least, sort="_id", **plan)
    assert [hit.id for hit in ordered] == sorted(enough)
    assert {hit.id: hit.relevance for hit in ordered} == pytest.approx(dict(worth))
    after = [everything[9].score, everything[9].id]
    assert [hit.id for hit in retriever.search(k=99, min_relevance=least, search_after=after, **plan)] == enough[10:]
    queries = retriever.encode_queries([""], plan_of("exact"), sparse=random_vectors(1, TERMS, 6, seed=9))
    for k in (5, DOCUMENTS):
        (ranked,) = retriever.rank(queries, k, plan_of("exact", min_relevance=0.5))
        (alone,) = [retriever.search(vector=queries.sparse.row(0), k=k, mode="exact", min_relevance=0.5)]
        assert ranked.ids == [hit.id for hit in alone]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mode": "hybrid", "count": True}, "leave out count"),
        ({"mode": "hybrid", "facets": "even"}, "leave out facets"),
        ({"mode": "dense", "feedback": "rocchio"}, "not calibrated for such a search"),
        ({"mode": "exact", "min_relevance": 1.5}, "at most 1"),
        ({"mode": "exact", "min_relevance": "much"}, "a number"),
    ],
)
def test_what_has_no_relevance_is_refused(retriever: Retriever, given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        retriever.search(**{"min_relevance": 0.5, **asked(given)})


def test_without_a_query_nothing_is_relevant(retriever: Retriever) -> None:
    with pytest.raises(InputError, match="is of a query"):
        retriever.search(filter="even", min_relevance=0.5)
    assert retriever.search(filter="even", k=1).hits[0].relevance is None


def test_an_index_that_was_not_calibrated_says_how(tmp_path: Path) -> None:
    with IndexBuilder(tmp_path / "index", dim=TERMS) as builder:
        builder.add(random_vectors(20, TERMS, 6, seed=4))
        made = builder.finish()
    with pytest.raises(InputError, match="not calibrated") as caught:
        Retriever(made).search(min_relevance=0.5, **asked({"mode": "exact"}))
    assert "calibrate" in str(caught.value)
    stale = replace(calibration(made, mode="exact"), made_by="another")
    store_calibration(made, stale)
    again = Retriever.open(made.path)
    assert again.search(**asked({"mode": "exact"})).hits[0].relevance is None
    with pytest.raises(InputError, match="other models"):
        again.search(min_relevance=0.5, **asked({"mode": "exact"}))


def test_the_least_score_is_that_of_the_least_relevance() -> None:
    made = Calibration(
        search={"mode": "sparse"},
        made_by="",
        intercept=-1.5,
        weights={SPARSE_SCORE: 3.0, QUERY_WEIGHT: -2.0},
        judged=True,
        queries=1,
        documents=1,
    )
    query = HybridQuery((np.array([1]), np.array([2.0])))
    for least in (0.01, 0.5, 0.99):
        score = made.least_score(least, query)
        said = made.relevance({SPARSE_SCORE: np.log([score]), QUERY_WEIGHT: np.log([2.0])})
        assert said == pytest.approx(least)
    assert made.least_score(1.0, query) == np.inf and made.least_score(0.0, query) == -np.inf


def test_a_hit_that_is_less_relevant_than_one_before_it_lends_it_nothing() -> None:
    made = Calibration(
        search={}, made_by="", intercept=0.0, weights={RERANK_SCORE: 1.0}, judged=True, queries=1, documents=1
    )
    said = relevance_of(made, {RERANK_SCORE: np.array([2.0, 0.0, 1.0, np.nan])})
    assert said[:3] == pytest.approx([1 / (1 + np.exp(-2)), 0.5, 0.5]) and np.isnan(said[3])
    alone = relevance_of(made, {RERANK_SCORE: np.array([0.0, 1.0])}, ranked=False)
    assert alone == pytest.approx([0.5, 1 / (1 + np.exp(-1))])
    assert len(relevance_of(made, {RERANK_SCORE: np.empty(0)})) == 0


def test_a_calibration_of_twice_or_half_the_documents_is_old() -> None:
    made = Calibration(
        search={}, made_by="", intercept=0.0, weights={DENSE_SCORE: 1.0}, judged=True, queries=1, documents=100
    )
    assert made.age(50) == made.age(200) == "" and "201" in made.age(201) and "49" in made.age(49)


def test_it_is_stored_replaced_and_removed(bare: Index, retriever: Retriever) -> None:
    index = Index.open(bare.path)
    first = calibration(index, mode="exact")
    record = json.loads(json.dumps(first.to_record()))
    assert Calibration.from_record(record) == first
    held = index.manifest.relevance
    assert held is not None and index.describe()["relevance"] == held
    store_calibration(index, replace(first, intercept=-2.0))
    changed = Index.open(bare.path).manifest.relevance
    assert changed is not None and len(changed) == len(held) and changed[-1]["intercept"] == -2
    store_calibration(index, first)
    assert verify(bare.path) == []
    clear_calibrations(index)
    assert Index.open(bare.path).manifest.relevance is None and "relevance" not in Index.open(bare.path).describe()
    change_manifest(bare.path, index.manifest.segment, lambda manifest: replace(manifest, relevance=held))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("intercept", "much", "a number"),
        ("intercept", None, "a number"),
        ("weights", {}, "must be weights"),
        ("weights", {"charm": 1.0}, "must be weights"),
        ("weights", {DENSE_SCORE: -1.0}, "at least 0"),
        ("weights", {DENSE_SCORE: True}, "must be a number"),
        ("search", [], "how it was searched"),
        ("judged", 1, "true or false"),
        ("queries", "x", "whole number"),
        ("extra", 1, "no such field"),
    ],
)
def test_a_damaged_record_is_told(tmp_path: Path, name: str, value: Any, says: str) -> None:
    with IndexBuilder(tmp_path / "index", dim=TERMS) as builder:
        builder.add(random_vectors(20, TERMS, 6, seed=4))
        made = builder.finish()
    record = {**calibration(made, mode="exact").to_record(), name: value}
    with pytest.raises(InputError, match=says):
        Calibration.from_record(record)
    change_manifest(made.path, made.manifest.segment, lambda manifest: replace(manifest, relevance=[record]))
    with pytest.raises(IndexFormatError, match="calibration"):
        Retriever.open(made.path).search(**asked({"mode": "exact"}))


def test_a_record_that_is_no_list_damages_the_manifest(tmp_path: Path) -> None:
    with IndexBuilder(tmp_path / "index", dim=TERMS) as builder:
        builder.add(random_vectors(20, TERMS, 6, seed=4))
        made = builder.finish()
    wrong: Any = {"mode": "sparse"}
    change_manifest(made.path, made.manifest.segment, lambda manifest: replace(manifest, relevance=wrong))
    with pytest.raises(IndexFormatError, match="relevance"):
        Index.open(made.path)
    assert "relevance" in verify(made.path)[0]

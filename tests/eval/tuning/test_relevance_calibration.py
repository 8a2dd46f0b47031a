"""Calibrating: what is learned of judgements, and of random words alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr import Collection, Document, Retriever
from lsr.build.corpus import index_corpus
from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.eval.tuning.logistic import fit_logistic
from lsr.eval.tuning.random_queries import random_queries
from lsr.eval.tuning.relevance import Hits, by_judgements, by_random, calibrate, thresholds
from lsr.index import Index, IndexBuilder, verify
from lsr.search.flat import plan_of
from lsr.search.relevance import DENSE_SCORE, QUERY_WEIGHT, SPARSE_SCORE, calibration_of, store_calibration
from lsr.vectors.sparse import SparseVectors

_ANIMALS = "ant bee cat dog eel fox gnu hen ibis jay koala lynx mole newt owl pig quail rat seal toad"
ANIMALS = _ANIMALS.split()
PLACES = ["paris", "london", "rome", "oslo", "lima", "quito", "cairo", "delhi", "kyoto", "seoul"]
VERBS = ["eats", "sleeps", "hunts", "swims", "flies", "digs", "sings", "climbs", "hides", "runs"]
DOCUMENTS = [
    Document(f"{animal}-{place}", f"the {animal} of {place} {VERBS[(a * 7 + p) % 10]} and {VERBS[(a + p * 3) % 10]}")
    for a, animal in enumerate(ANIMALS)
    for p, place in enumerate(PLACES)
]
QUERIES = [Query(f"q{n}", f"{ANIMALS[n % 20]} {PLACES[n * 3 % 10]}") for n in range(40)]
QRELS = {query.id: {query.text.replace(" ", "-"): 1} for query in QUERIES}


@pytest.fixture
def retriever(tmp_path: Path) -> Retriever:
    return Retriever(index_corpus(DOCUMENTS, tmp_path / "index", WordsAlone()))


def test_the_logistic_function_gives_the_log_odds_of_a_table() -> None:
    """Of 100 rows with feature 0, 20 are 1; of 100 with feature 1, 60: the log odds are ln 1/4 and ln 3/2."""
    table = np.repeat([0.0, 1.0], 100)[:, None]
    labels = np.concatenate([np.arange(100) < 20, np.arange(100) < 60]).astype(float)
    found = fit_logistic(table, labels, np.ones(200), rising=[True])
    assert found.intercept == pytest.approx(np.log(0.25), abs=2e-3)
    assert found.intercept + found.weights[0] == pytest.approx(np.log(1.5), abs=2e-3)
    doubled = fit_logistic(table[labels == labels], labels, np.full(200, 2.0), rising=[True])
    assert doubled.weights[0] == pytest.approx(found.weights[0], abs=1e-3), "weights are how often a row counts"


def test_a_feature_that_is_to_rise_and_falls_is_left_out() -> None:
    table = np.repeat([0.0, 1.0], 100)[:, None]
    labels = np.concatenate([np.arange(100) < 60, np.arange(100) < 20]).astype(float)
    found = fit_logistic(table, labels, np.ones(200), rising=[True])
    assert found.weights == (0.0,) and found.intercept == pytest.approx(np.log(80 / 120), abs=1e-3)
    assert fit_logistic(table, labels, np.ones(200), rising=[False]).weights[0] < 0


def test_classes_that_are_wholly_apart_have_finite_weights() -> None:
    table, labels = np.arange(20.0)[:, None], (np.arange(20) >= 10).astype(float)
    found = fit_logistic(table, labels, np.ones(20), rising=[True])
    assert np.isfinite([found.intercept, *found.weights]).all() and found.weights[0] > 0


def test_without_judgements_the_mean_best_score_of_random_words_is_one_half() -> None:
    scores = np.random.default_rng(1).normal(0.4, 0.1, 1000)
    random = [Hits(["a", "b"], np.empty(2), {DENSE_SCORE: np.array([each, each - 1])}) for each in scores]
    found = by_random(random, [DENSE_SCORE])

    def said(score: float) -> float:
        return float(1 / (1 + np.exp(-(found.intercept + found.weights[0] * score))))

    mean, deviation = scores.mean(), scores.std()
    assert said(mean) == pytest.approx(0.5)
    # The normal distribution, one and two deviations above its mean.
    assert said(mean + deviation) == pytest.approx(0.8413, abs=0.01)
    assert said(mean + 2 * deviation) == pytest.approx(0.9772, abs=0.01)


def test_without_judgements_scores_are_held_against_the_weight_of_the_query() -> None:
    generator = np.random.default_rng(2)
    weights = generator.uniform(0, 3, 500)
    scores = 1 + 0.5 * weights + generator.normal(0, 0.2, 500)
    random = [
        Hits(["a"], np.empty(1), {SPARSE_SCORE: np.array([s]), QUERY_WEIGHT: np.array([w])})
        for s, w in zip(scores, weights, strict=True)
    ]
    found = by_random(random, [SPARSE_SCORE, QUERY_WEIGHT])
    assert -found.weights[1] / found.weights[0] == pytest.approx(0.5, abs=0.03), "the slope of the line"
    assert -found.intercept / found.weights[0] == pytest.approx(1, abs=0.05), "and its height"
    with pytest.raises(InputError, match="too little"):
        by_random(random[:19], [SPARSE_SCORE, QUERY_WEIGHT])


def test_what_cannot_be_learned_from_is_refused() -> None:
    hits = [Hits(["a", "b"], np.empty(2), {DENSE_SCORE: np.array([0.9, 0.1])}) for _ in range(30)]
    with pytest.raises(InputError, match="none of the hits is relevant"):
        by_judgements(hits, [np.zeros(2)] * 30, [], [DENSE_SCORE])
    with pytest.raises(InputError, match="every hit is relevant"):
        by_judgements(hits, [np.ones(2)] * 30, [], [DENSE_SCORE])
    with pytest.raises(InputError, match="no higher than those of others"):
        by_judgements(hits, [np.array([0.0, 1.0])] * 30, [], [DENSE_SCORE])


def test_thresholds_are_counted() -> None:
    random = [np.array([0.3, 0.1]), np.empty(0), np.array([0.55])]
    found = thresholds(random, [np.array([0.8, 0.4]), np.array([0.2])], [np.array([1.0, 1.0]), np.array([1.0])])
    by_least = {each.relevance: each for each in found}
    assert by_least[0.5] == (0.5, pytest.approx(2 / 3), pytest.approx(1 / 3), 0.5)
    assert by_least[0.1] == (0.1, pytest.approx(1 / 3), 1.0, 1.0)
    assert thresholds(random)[4][2:] == (None, None)


def test_judged_queries_calibrate_an_index(retriever: Retriever) -> None:
    plan = plan_of("auto")
    found = calibrate(retriever, plan, QUERIES, QRELS)
    made = found.calibration
    assert made.judged and made.queries == 40 and made.documents == 200
    assert made.search["mode"] == "sparse"
    assert made.ece is not None and made.ece < 0.1 and made.brier is not None and made.brier < 0.05
    assert found.to_record()["thresholds"][0]["relevance"] == 0.1
    store_calibration(retriever.index, made)
    again = Retriever.open(retriever.index.path)
    assert calibration_of(again.index, plan) == made
    assert verify(again.index.path) == []
    hits = again.search("owl oslo").hits
    assert hits[0].id == "owl-oslo" and hits[0].relevance is not None and hits[0].relevance > 0.5
    assert all(hit.relevance is not None and hit.relevance < 0.5 for hit in hits[1:])
    assert [hit.id for hit in again.search("owl oslo", min_relevance=0.5)] == ["owl-oslo"]
    assert not again.search("ant bee cat dog eel", min_relevance=0.5).hits


def test_random_words_calibrate_an_index_without_judgements(retriever: Retriever) -> None:
    found = calibrate(retriever, plan_of("auto"))
    assert not found.calibration.judged and found.bins == [] and found.calibration.ece is None
    assert [each.abstains for each in found.thresholds] == sorted(each.abstains for each in found.thresholds)
    assert found.thresholds[-1].abstains > 0.6
    assert calibrate(retriever, plan_of("auto")) == found, "the same again"


def test_random_queries_are_of_the_collections_words(retriever: Retriever, tmp_path: Path) -> None:
    found = random_queries(retriever.index, 20, seed=3)
    known = {word for document in DOCUMENTS for word in document.text.split()}
    assert found == random_queries(retriever.index, 20, seed=3) != random_queries(retriever.index, 20, seed=4)
    assert all(3 <= len(query.split()) <= 12 and set(query.split()) <= known for query in found)
    with IndexBuilder(tmp_path / "bare", dim=9) as builder:
        builder.add(SparseVectors([0, 1], [3], [1.0], ["a"], 9))
        bare = builder.finish()
    with pytest.raises(InputError, match="too few texts"):
        random_queries(bare, 5)


def test_too_few_judged_queries_and_searches_of_a_part_are_refused(retriever: Retriever) -> None:
    with pytest.raises(InputError, match="needs at least 20"):
        calibrate(retriever, plan_of("auto"), QUERIES[:19], QRELS)
    with pytest.raises(InputError, match="in the whole index"):
        calibrate(retriever, plan_of("auto", filter="year = 1"), QUERIES, QRELS)


def test_a_collection_keeps_its_calibration_while_it_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "live"
    with Collection.create(path, model="bm25") as live:
        live.add(DOCUMENTS)
        live.compact()
    store_calibration(Index.open(path), calibrate(Retriever.open(path), plan_of("auto"), QUERIES, QRELS).calibration)
    with Collection.open(path) as live:
        live.add([Document("new", "a yak of lhasa")])
        assert live.search("owl oslo").hits[0].relevance > 0.5
        live.compact()
    found = Retriever.open(path).search("owl oslo", min_relevance=0.5)
    assert [hit.id for hit in found] == ["owl-oslo"]

"""Choosing parameters: by hand, and of a real index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench_collections import random_vectors

from lsr.core.errors import InputError
from lsr.eval.bench import Row, Summary
from lsr.eval.tuning.recall import RecallNotReached, choose, exhaustive_top, tune
from lsr.index import Index, IndexBuilder, store_tuning
from lsr.vectors.sparse import SparseVectors

DIM = 60


def row(cut: int, chosen: float, verified: float, time: float) -> Row:
    """A configuration with the recalls of both halves; on the second it takes twice the time."""
    halves = (Summary(chosen, *[time] * 5), Summary(verified, *[2 * time] * 5))
    return Row("lsr", "approximate", {}, {"cut": cut}, 10, halves[0], halves, 10**6)


def build(path: Path, vectors: SparseVectors) -> Index:
    with IndexBuilder(path, dim=vectors.dim) as builder:
        builder.add(vectors)
        return builder.finish(threads=1)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build(tmp_path_factory.mktemp("tune") / "index", random_vectors(2000, DIM, 10, seed=5))


@pytest.fixture(scope="module")
def queries() -> SparseVectors:
    return random_vectors(80, DIM, 5, seed=6)


def test_the_fastest_that_holds_on_both_halves() -> None:
    rows = [row(1, 0.97, 0.99, 10), row(2, 0.985, 0.975, 20), row(4, 0.99, 0.98, 40), row(3, 0.98, 0.981, 30)]
    choice = choose(rows, 0.98, queries=7)
    assert choice.row is rows[3] and choice.fallen_short == [rows[1]]
    found = choice.tuning
    assert (found.k, found.recall, found.mode, dict(found.parameters)) == (10, 0.98, "approximate", {"cut": 3})
    assert (found.measured_recall, found.mean_us, found.queries) == (0.981, 60, 7)
    assert choose(rows, 0.97, queries=7).row is rows[0]


def test_a_recall_that_nothing_reaches() -> None:
    rows = [row(1, 0.99, 0.96, 10), row(2, 0.97, 0.99, 20)]
    with pytest.raises(RecallNotReached, match=r"recall 0\.98 on both halves .* best reach 0\.9700"):
        choose(rows, 0.98, queries=7)


def test_a_choice_keeps_its_promise(index: Index, queries: SparseVectors) -> None:
    result = tune(index, queries, [0.9, 1.0], k=10)
    assert [choice.tuning.recall for choice in result.choices] == [0.9, 1.0]
    assert {row.mode for row in result.rows} == {"approximate", "exact"}
    for choice in result.choices:
        tuning = choice.tuning
        found = wanted = 0
        for query in range(1, len(queries), 2):
            terms, weights = queries.row(query)
            true = index.search(terms, weights, 10, mode="exhaustive")
            hits = index.search(terms, weights, 10, mode=tuning.mode, **tuning.parameters)
            found += int((hits.scores[: len(true)] >= true.scores[-1] * (1 - 1e-6)).sum())
            wanted += len(true)
        assert found / wanted >= tuning.recall - 1e-9
        assert tuning.measured_recall == pytest.approx(found / wanted, abs=1e-6)


def test_a_stored_tuning_is_what_a_search_uses(tmp_path: Path, queries: SparseVectors) -> None:
    index = build(tmp_path / "index", random_vectors(2000, DIM, 10, seed=5))
    (choice,) = tune(index, queries, [0.95]).choices
    store_tuning(index, choice.tuning)
    assert choice.tuning in Index.open(tmp_path / "index").sparse.tunings
    terms, weights = queries.row(0)
    asked = Index.open(tmp_path / "index").search(terms, weights, 10, recall=0.95)
    expected = index.search(terms, weights, 10, mode=choice.tuning.mode, **choice.tuning.parameters)
    np.testing.assert_array_equal(asked.rows, expected.rows)


def test_exhaustive_answers_hold_every_tie(tmp_path: Path) -> None:
    # 200 equal documents after a better one, more than the first search asks for.
    rows = [([0], [2]), *[([0], [1])] * 200, ([1], [1])]
    index = build(tmp_path / "index", SparseVectors.from_rows(rows, dim=3))
    asked = SparseVectors.from_rows([([2], [1]), ([0], [1]), ([1], [1])], dim=3)
    truth, matching = exhaustive_top(index, asked, 5)
    assert matching.tolist() == [1, 2]
    assert [len(found) for found in truth.rows] == [201, 1]
    answers = truth.at(5)
    assert answers.wanted == [5, 1] and answers.recall(0, [0, 197, 198, 199, 200]) == 1


def test_what_cannot_be_tuned(index: Index, queries: SparseVectors) -> None:
    unmatched = SparseVectors.from_rows([([0], [1]), ([], [])], dim=DIM)
    for asked, recalls, k, message in [
        (queries, [1.5], 10, "recall must lie in"),
        (queries, [0.0], 10, "recall must lie in"),
        (queries, [0.9], 0, "k must be at least 1"),
        (unmatched, [0.9], 10, "1 of 2 queries match"),
        (SparseVectors.empty(9), [0.9], 10, "the index has 60 terms, but these queries have 9"),
    ]:
        with pytest.raises(InputError, match=message):
            tune(index, asked, recalls, k)

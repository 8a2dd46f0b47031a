"""Exact answers and recall, worked out by hand where ties are the point."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bench_collections import brute_force, random_vectors

from lsr.eval.bench import exact_top
from lsr.vectors.sparse import SparseVectors

# One term: the scores of a query of weight 1 are the documents' weights. Row 5 does not match.
TIED = SparseVectors.from_rows([([0], [2]), ([0], [3]), ([0], [2]), ([0], [2]), ([0], [1]), ([1], [9])], dim=3)
ONE = SparseVectors.from_rows([([0], [1])], dim=3)


@pytest.mark.parametrize("batch_rows", [1, 2, 6])
def test_all_that_tie_for_the_last_place_are_kept(batch_rows: int) -> None:
    batches = [TIED[start : start + batch_rows] for start in range(0, 6, batch_rows)]
    truth = exact_top(batches, ONE, 2)
    assert truth.rows[0].tolist() == [1, 0, 2, 3]
    assert truth.scores[0].tolist() == [3, 2, 2, 2]
    assert truth.top_scores.tolist() == [3]


def test_a_tied_document_counts_in_place_of_another() -> None:
    answers = exact_top([TIED], ONE, 2).at(2)
    assert answers.recall(0, [1, 3]) == answers.recall(0, [1, 0]) == 1
    assert answers.recall(0, [1, 4]) == answers.recall(0, [1]) == answers.recall(0, [1, 1]) == 0.5
    assert answers.recall(0, [4, 5]) == answers.recall(0, []) == 0


def test_a_smaller_k_of_the_same_truth() -> None:
    truth = exact_top([TIED], ONE, 5)
    assert truth.at(1).relevant == [frozenset({1})]
    assert truth.at(2).relevant == [frozenset({0, 1, 2, 3})] and truth.at(2).wanted == [2]
    assert truth.at(5).relevant == [frozenset({0, 1, 2, 3, 4})]


def test_fewer_matches_than_k_and_none() -> None:
    queries = SparseVectors.from_rows([([1], [1]), ([2], [1]), ([], [])], dim=3)
    truth = exact_top([TIED], queries, 3)
    answers = truth.at(3)
    assert answers.wanted == [1, 0, 0] and answers.recall(0, [5, 0, 1]) == 1
    assert math.isnan(answers.recall(1, [0])) and math.isnan(answers.recall(2, []))
    assert truth.top_scores.tolist() == [9, 0, 0]


def test_exact_top_is_the_brute_force_top() -> None:
    documents, queries = random_vectors(700, 90, 9, seed=1), random_vectors(130, 90, 4, seed=2)
    finished: list[int] = []
    truth = exact_top([documents[:300], documents[300:]], queries, 7, finished.append)
    assert finished == [300, 400]
    for rows, scores, expected in zip(truth.rows, truth.scores, brute_force(documents, queries), strict=True):
        best = np.sort(expected)[::-1][: len(rows)]
        np.testing.assert_allclose(scores, best, rtol=1e-5)
        np.testing.assert_allclose(expected[rows], scores, rtol=1e-5)
        assert len(rows) >= min(7, np.count_nonzero(expected))

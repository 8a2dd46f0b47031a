"""Exact search against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from index_oracle import brute_force, random_vectors

from lsr.errors import InputError
from lsr.vectors import SparseVectors


def test_hand_computed(build):
    vectors = SparseVectors.from_rows([([0, 2], [1.0, 2.55]), ([1], [0.5]), ([], []), ([2], [2.55])], dim=3)
    index = build(vectors)
    assert index.manifest.weight_scale == pytest.approx(0.01)
    hits = index.search([0, 2], [2.0, 1.0])
    assert hits.rows.tolist() == [0, 3]
    assert hits.scores == pytest.approx([2 * 1.0 + 2.55, 2.55])
    assert hits.ids == ["0", "3"]
    assert hits.stats.mode == "exact"
    assert hits.stats.postings == 3
    assert index.document_frequencies.tolist() == [1, 1, 2]


@pytest.mark.parametrize("levels", [0, 2])
@pytest.mark.parametrize("k", [1, 7, 1000])
def test_equals_brute_force(build, levels, k):
    index = build(random_vectors(300, 60, seed=levels, levels=levels))
    for _, terms, weights in random_vectors(12, 60, 6, seed=9, levels=levels):
        hits = index.search(terms, weights, k, mode="exact")
        rows, scores = brute_force(index, terms, weights, k)
        assert hits.rows.tolist() == rows
        assert hits.scores.tolist() == scores


def test_rare_terms_walk_the_lists_again(build):
    """Few postings beside many documents take the other way through the accumulators."""
    index = build(random_vectors(500, 4000, 3, seed=3))
    frequencies = np.diff(index._segment.inverted.indptr)
    terms = np.flatnonzero((frequencies > 0) & (frequencies < 4))[:6].astype(np.uint32)
    weights = np.ones(len(terms), np.float32)
    for _ in range(2):  # the second search finds the accumulators cleared
        hits = index.search(terms, weights, 5)
        rows, scores = brute_force(index, terms, weights, 5)
        assert (hits.rows.tolist(), hits.scores.tolist()) == (rows, scores)


def test_k_over_corpus_and_empty_query(build):
    index = build(random_vectors(20, 30, 5))
    hits = index.search([0], [1.0], 10_000)
    assert 0 < len(hits) <= 20
    assert (hits.scores > 0).all()
    nothing = index.search([], [])
    assert len(nothing) == 0
    assert nothing.ids == []


@pytest.mark.parametrize("packed", [False, True])
def test_filter(build, packed):
    index = build(random_vectors(300, 40, seed=5))
    mask = np.random.default_rng(0).random(300) < 0.05
    allow = np.packbits(mask, bitorder="little") if packed else mask
    terms, weights = np.arange(12), np.linspace(0.5, 2, 12)
    hits = index.search(terms, weights, 30, allow=allow)
    rows, scores = brute_force(index, terms, weights, 30, mask)
    assert 0 < len(rows) < 30
    assert (hits.rows.tolist(), hits.scores.tolist()) == (rows, scores)
    assert len(index.search(terms, weights, allow=np.zeros(300, bool))) == 0


def test_unsorted_query_terms(build):
    index = build(random_vectors(100, 40))
    one, other = index.search([5, 1, 9], [0.5, 1.0, 2.0]), index.search([1, 5, 9], [1.0, 0.5, 2.0])
    assert one.rows.tolist() == other.rows.tolist()
    assert one.scores.tolist() == other.scores.tolist()


@pytest.mark.parametrize(
    ("terms", "weights", "options", "says"),
    [
        ([1], [1.0], {"k": 0}, "k must be at least 1"),
        ([40], [1.0], {}, "term id 40 is outside"),
        ([-1], [1.0], {}, "term ids must be integers"),
        ([1.5], [1.0], {}, "term ids must be integers"),
        ([1], [-1.0], {}, "weight -1.0 of term 1"),
        ([1], [0.0], {}, "weight 0.0 of term 1"),
        ([1], [float("nan")], {}, "weight nan of term 1"),
        ([1], [float("inf")], {}, "weight inf of term 1"),
        ([3, 3], [1.0, 1.0], {}, "term 3 stands twice"),
        ([3, 2, 3], [1.0, 1.0, 1.0], {}, "term 3 stands twice"),
        ([1, 2], [1.0], {}, "give one of each"),
        ([1], [1.0], {"mode": "fast"}, "mode must be"),
        ([1], [1.0], {"allow": np.ones(3, bool)}, "allow must be"),
        ([1], [1.0], {"allow": np.ones(100, np.int64)}, "allow must be"),
    ],
)
def test_bad_queries(build, terms, weights, options, says):
    index = build(random_vectors(100, 40))
    with pytest.raises(InputError, match=says):
        index.search(terms, weights, **options)


def test_batch_equals_single_searches(build):
    index = build(random_vectors(400, 80))
    queries = random_vectors(70, 80, 6, seed=4)
    finished: list[int] = []
    with pytest.raises(InputError, match="these queries 39"):
        index.search_batch(random_vectors(2, 39))
    batch = index.search_batch(queries, 5, threads=3, progress=finished.append)
    assert sum(finished) == len(batch) == 70
    for (_, terms, weights), hits in zip(queries, batch, strict=True):
        single = index.search(terms, weights, 5)
        assert hits.ids == single.ids
        assert hits.scores.tolist() == single.scores.tolist()

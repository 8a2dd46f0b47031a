"""The order of the documents."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from index_oracle import Pairs, random_vectors

from lsr.index.build.order import LEAF, order_documents
from lsr.index.format.postings import Postings
from lsr.vectors.sparse import SparseVectors


def postings(vectors: SparseVectors) -> Postings:
    """The vectors as a builder hands them over."""
    indices, weights = vectors.indices.astype(np.uint16), np.clip(vectors.weights * 50, 1, 255).astype(np.uint8)
    for array in (vectors.indptr, indices, weights):
        array.flags.writeable = False
    return Postings(vectors.indptr, indices, weights)


def topics(count: int, each: int, seed: int = 0) -> tuple[SparseVectors, np.ndarray]:
    """Documents of so many topics that share no terms, mixed, and the topic of each."""
    random = np.random.default_rng(seed)
    numbers = random.permutation(np.repeat(np.arange(count), each))
    rows: list[Pairs] = [
        (np.sort(random.choice(10, 6, replace=False)) + 10 * n, random.random(6) + 0.1) for n in numbers
    ]
    return SparseVectors.from_rows(rows, dim=10 * count), numbers


@pytest.mark.parametrize("documents", [1, 2, LEAF, LEAF + 1, 2 * LEAF + 1, 5000])
def test_every_document_has_one_place(documents: int) -> None:
    vectors, finished = random_vectors(documents, 100, 8), []
    order = order_documents(postings(vectors), 100, threads=2, progress=finished.append)
    assert order.dtype == np.uint32
    assert sorted(order.tolist()) == list(range(documents))
    assert sum(finished) == documents


@pytest.mark.parametrize(
    "rows",
    [
        [([], [])] * 1500,
        [([3], [1.0])] * 1500,
        [([3], [1.0])] * 1400 + [([], [])] * 99 + [([5], [1.0])],
        [([row % 7], [1.0]) for row in range(1500)],
    ],
    ids=["empty", "alike", "nearly all alike", "of seven kinds"],
)
def test_documents_that_cannot_be_told_apart(rows: list[Pairs]) -> None:
    order = order_documents(postings(SparseVectors.from_rows(rows, dim=9)), 9, threads=1)
    assert sorted(order.tolist()) == list(range(1500))
    kinds = [tuple(rows[row][0]) for row in order]
    changes = sum(one != other for one, other in pairwise(kinds))
    assert changes <= len(set(kinds)) * (1 + 1500 // LEAF)


@pytest.mark.parametrize("each", [20, 300])
def test_documents_of_a_topic_stand_together(each: int) -> None:
    """In random order 23 of 24 neighbours would be of other topics."""
    vectors, numbers = topics(24, each)
    placed = numbers[order_documents(postings(vectors), vectors.dim)]
    assert (placed[1:] != placed[:-1]).mean() < 0.1


def test_duplicates_stand_beside_each_other() -> None:
    vectors = random_vectors(1000, 200, 12, seed=3)
    twice = vectors.take(range(1000))
    both = SparseVectors.from_rows([(t, w) for part in (vectors, twice) for _, t, w in part], dim=200)
    places = np.empty(2000, int)
    places[order_documents(postings(both), 200)] = np.arange(2000)
    apart = np.abs(places[:1000] - places[1000:])
    filled = np.diff(vectors.indptr) > 0
    assert (apart[filled] == 1).mean() > 0.97


@pytest.mark.parametrize("documents", [300, 3000])
def test_the_order_depends_on_the_seed_and_not_on_the_threads(
    documents: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("lsr.index.build.order._ASSIGN_AT_A_TIME", 100)
    vectors = postings(random_vectors(documents, 150, 10))
    one = order_documents(vectors, 150, seed=1, threads=1)
    for threads in (2, 5):
        assert order_documents(vectors, 150, seed=1, threads=threads).tolist() == one.tolist()
    assert order_documents(vectors, 150, seed=2, threads=1).tolist() != one.tolist()


def test_a_vocabulary_for_which_few_centroids_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.index.build.order._MOST_CENTROID_CELLS", 100)
    vectors = postings(random_vectors(3000, 150, 10))
    assert sorted(order_documents(vectors, 150).tolist()) == list(range(3000))

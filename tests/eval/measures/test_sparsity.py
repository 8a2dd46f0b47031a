from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr import SparseVectors
from lsr.eval.measures.sparsity import Activation, Spread, flops
from lsr.index import IndexBuilder

DOCUMENTS = SparseVectors.from_rows([([0, 1], [1, 1]), ([1], [2]), ([1, 3], [1, 1]), ([], [])], dim=5)
QUERIES = SparseVectors.from_rows([([1], [9]), ([1, 3, 4], [1, 1, 1])], dim=5)


def test_flops_by_hand() -> None:
    documents, queries = Activation.of_vectors(DOCUMENTS), Activation.of_vectors(QUERIES)
    # Documents: term 0 in 1/4, term 1 in 3/4, term 3 in 1/4. Queries: term 1 in 2/2, terms 3 and 4 in 1/2.
    assert documents.probabilities.tolist() == [0.25, 0.75, 0, 0.25, 0]
    assert queries.probabilities.tolist() == [0, 1, 0, 0.5, 0.5]
    assert flops(queries, documents) == pytest.approx(0.75 + 0.5 * 0.25)
    assert (documents.mean_terms, queries.mean_terms) == (5 / 4, 4 / 2)


def test_flops_is_the_mean_number_of_shared_terms() -> None:
    shared = [len(set(q) & set(d)) for _, q, _ in QUERIES for _, d, _ in DOCUMENTS]
    assert flops(Activation.of_vectors(QUERIES), Activation.of_vectors(DOCUMENTS)) == pytest.approx(np.mean(shared))


def test_an_index_counts_as_its_vectors(tmp_path: Path) -> None:
    with IndexBuilder(tmp_path / "index", dim=DOCUMENTS.dim) as builder:
        builder.add(DOCUMENTS)
        index = builder.finish()
    found = Activation.of_index(index)
    assert (found.rows, found.counts.tolist()) == (4, Activation.of_vectors(DOCUMENTS).counts.tolist())


def test_no_vectors() -> None:
    none = Activation.of_vectors(SparseVectors.empty(5))
    assert none.mean_terms == 0
    assert flops(none, none) == 0


def test_spread_by_hand() -> None:
    spread = Spread.of(np.array([0, 1, 1, 3, 5]))
    assert (spread.mean, spread.p50, spread.most, spread.width, spread.bars) == (2.0, 1.0, 5, 1, [1, 2, 0, 1, 0, 1])
    assert (spread.p5, spread.p95) == (pytest.approx(0.2), pytest.approx(4.6))


def test_bars_are_few_and_of_round_widths() -> None:
    spread = Spread.of(np.array([0, 19, 20, 399]))  # 399 // 30 + 1 = 14, so 20
    assert (spread.width, spread.bars[0], spread.bars[1], spread.bars[19], sum(spread.bars)) == (20, 2, 1, 1, 4)
    for most in (1, 29, 30, 61, 1000, 123_456):
        found = Spread.of(np.arange(most + 1))
        assert sum(found.bars) == most + 1 and len(found.bars) <= 30
    assert Spread.of(np.array([], dtype=np.int64)).bars == []


def test_the_spread_of_an_index_is_that_of_its_vectors(tmp_path: Path) -> None:
    with IndexBuilder(tmp_path / "index", dim=DOCUMENTS.dim) as builder:
        builder.add(DOCUMENTS)
        index = builder.finish()
    assert Spread.of_index(index) == Spread.of_vectors(DOCUMENTS)
    assert Spread.of_vectors(DOCUMENTS).bars == [1, 1, 2]

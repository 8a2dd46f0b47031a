"""Rules of static pruning: worked by hand, their promises, and against plain Python over single documents."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr.core.errors import InputError
from lsr.vectors.pruning import (
    LocalRule,
    Mass,
    MaxRatio,
    Pruner,
    Pruning,
    Quantile,
    Rule,
    Threshold,
    TopK,
    exact_quantile,
    fit,
)
from lsr.vectors.sparse import SparseVectors

# Term ids 0 … 5. The second document has ties, the third one term, the fourth none.
DOCUMENTS = [[6.0, 3.0, 0.5, 0.25, 0.25], [0.0, 2.0, 2.0, 0.0, 2.0, 2.0], [0.0, 0.0, 0.125], []]


def vectors_of(documents: list[list[float]]) -> SparseVectors:
    """A row for each list of weights, whose places are the term ids; 0 where there is no term."""
    rows = [([t for t, w in enumerate(weights) if w], [w for w in weights if w]) for weights in documents]
    return SparseVectors.from_rows(rows, dim=8)


def pruned(rule: Rule, documents: list[list[float]]) -> list[list[int]]:
    """The term ids that stay."""
    vectors = vectors_of(documents)
    found = fit(rule, lambda: [vectors.weights]).prune(vectors)
    assert found.ids == vectors.ids and found.dim == vectors.dim
    for row, weights in enumerate(documents):
        terms, values = found.row(row)
        assert values.tolist() == [weights[term] for term in terms]
    return [found.row(row)[0].tolist() for row in range(len(found))]


# Sums of the documents: 10, 8, 0.125. All ten weights, sorted: 0.125 0.25 0.25 0.5 2 2 2 2 3 6.
BY_HAND: list[tuple[Rule, list[list[int]]]] = [
    (TopK(1), [[0], [1], [2], []]),
    (TopK(3), [[0, 1, 2], [1, 2, 4], [2], []]),
    (TopK(4), [[0, 1, 2, 3], [1, 2, 4, 5], [2], []]),
    # 6 + 3 hold 9 of 10, exactly what is asked for; 2 + 2 + 2 + 2 are needed for 7.2 of 8.
    (Mass(0.9), [[0, 1], [1, 2, 4, 5], [2], []]),
    (Mass(0.91), [[0, 1, 2], [1, 2, 4, 5], [2], []]),
    (Mass(0.75), [[0, 1], [1, 2, 4], [2], []]),
    (Mass(0.5), [[0], [1, 2], [2], []]),
    (Mass(0.01), [[0], [1], [2], []]),
    (Mass(1), [[0, 1, 2, 3, 4], [1, 2, 4, 5], [2], []]),
    (MaxRatio(0.5), [[0, 1], [1, 2, 4, 5], [2], []]),
    (MaxRatio(0.51), [[0], [1, 2, 4, 5], [2], []]),
    (MaxRatio(1), [[0], [1, 2, 4, 5], [2], []]),
    (MaxRatio(0), [[0, 1, 2, 3, 4], [1, 2, 4, 5], [2], []]),
    # At the edge a weight stays. The third document, and then the second (the lower term id), keep their heaviest.
    (Threshold(0.5), [[0, 1, 2], [1, 2, 4, 5], [2], []]),
    (Threshold(2), [[0, 1], [1, 2, 4, 5], [2], []]),
    (Threshold(2.5), [[0, 1], [1], [2], []]),
    (Threshold(1e300), [[0], [1], [2], []]),
    (Threshold(0), [[0, 1, 2, 3, 4], [1, 2, 4, 5], [2], []]),
    # 3 of 10 may go: 0.125, which is the last of its document, and 0.25 twice.
    (Quantile(0.3), [[0, 1, 2], [1, 2, 4, 5], [2], []]),
    # 2 may go, but 0.25 stands twice.
    (Quantile(0.2), [[0, 1, 2, 3, 4], [1, 2, 4, 5], [2], []]),
    # 7 may go, but 2 stands four times.
    (Quantile(0.7), [[0, 1], [1, 2, 4, 5], [2], []]),
    (Quantile(0.8), [[0, 1], [1], [2], []]),
    (Quantile(0), [[0, 1, 2, 3, 4], [1, 2, 4, 5], [2], []]),
]


@pytest.mark.parametrize(("rule", "expected"), BY_HAND, ids=[str(rule) for rule, _ in BY_HAND])
def test_by_hand(rule: Rule, expected: list[list[int]]) -> None:
    assert pruned(rule, DOCUMENTS) == expected


def test_weights_that_print_alike_are_alike() -> None:
    """0.1 and 0.7 have no float: what is asked for is rounded as the weights are."""
    vectors = SparseVectors.from_rows([([0, 1, 2], [0.1, 0.0999, 0.7])], dim=3)
    assert Threshold(0.1).prune(vectors).indices.tolist() == [0, 2]
    vectors = SparseVectors.from_rows([([0, 1, 2], [7.0, 0.7, 0.69])], dim=3)
    assert MaxRatio(0.1).prune(vectors).indices.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TopK(0), "top_k must be at least 1, not 0"),
        (lambda: Mass(0), r"mass must lie in \(0, 1\], not 0"),
        (lambda: Mass(1.01), "not 1.01"),
        (lambda: Mass(float("nan")), "not nan"),
        (lambda: MaxRatio(-0.1), r"max_ratio must lie in \[0, 1\]"),
        (lambda: MaxRatio(1.5), "not 1.5"),
        (lambda: Threshold(-1), "threshold must be a finite weight of at least 0, not -1"),
        (lambda: Threshold(float("inf")), "not inf"),
        (lambda: Threshold(float("nan")), "not nan"),
        (lambda: Quantile(1), r"quantile must lie in \[0, 1\), not 1"),
        (lambda: Quantile(float("nan")), "not nan"),
    ],
)
def test_bad_parameters(make: Callable[[], Rule], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


# -- properties ------------------------------------------------------------------------------------------------------

# Few values, so that ties abound; three of them far apart, and one that only float32 knows.
WEIGHTS = st.sampled_from([0.0, 0.25, 0.5, 0.1, 1.0, 3.0, 2.0**-40, 2.0**30]).map(lambda w: float(np.float32(w)))
COLLECTIONS = st.lists(st.lists(WEIGHTS, max_size=8), max_size=6)
SHARES = st.sampled_from([0.05, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 0.99])
RULES: dict[str, st.SearchStrategy[Rule]] = {
    "top_k": st.integers(1, 9).map(TopK),
    "mass": (SHARES | st.just(1.0)).map(Mass),
    "max_ratio": (SHARES | st.sampled_from([0.0, 1.0])).map(MaxRatio),
    "threshold": WEIGHTS.map(Threshold),
    "quantile": (SHARES | st.just(0.0)).map(Quantile),
}
ANY = st.one_of(*RULES.values())


def places(vectors: SparseVectors) -> set[tuple[str, int, float]]:
    return {(id, int(t), float(w)) for id, terms, weights in vectors for t, w in zip(terms, weights, strict=True)}


def fitted(rule: Rule, vectors: SparseVectors) -> LocalRule:
    return fit(rule, lambda: [vectors.weights])


@given(COLLECTIONS, ANY)
def test_a_subset_of_the_heaviest(documents: list[list[float]], rule: Rule) -> None:
    vectors = vectors_of(documents)
    found = fitted(rule, vectors).prune(vectors)
    assert places(found) <= places(vectors)
    SparseVectors(found.indptr, found.indices, found.weights, found.ids, found.dim)  # of the form that it must have
    for row in range(len(vectors)):
        (terms, weights), stays = vectors.row(row), found.row(row)[0]
        heaviest_first = sorted(zip(-weights, terms, strict=True))
        assert (len(stays) == 0) == (len(terms) == 0)
        if len(terms):
            assert heaviest_first[0][1] in stays
            # What went is no heavier than what stays.
            gone = [w for w, t in zip(weights, terms, strict=True) if t not in stays]
            assert max(gone, default=0) <= found.row(row)[1].min()


@pytest.mark.parametrize("name", RULES)
@given(COLLECTIONS, st.data())
def test_monotone(name: str, documents: list[list[float]], data: st.DataObject) -> None:
    vectors = vectors_of(documents)
    one, other = data.draw(RULES[name]), data.draw(RULES[name])
    keeps_more_if_larger = name in ("top_k", "mass")
    gentle, strong = sorted((one, other), key=lambda rule: rule.value, reverse=keeps_more_if_larger)
    more, fewer = (fitted(rule, vectors).prune(vectors) for rule in (gentle, strong))
    assert places(fewer) <= places(more)


@given(COLLECTIONS, st.one_of(*(RULES[name] for name in ("top_k", "max_ratio", "threshold"))))
def test_idempotent(documents: list[list[float]], rule: LocalRule) -> None:
    once = rule.prune(vectors_of(documents))
    assert places(rule.prune(once)) == places(once)


def test_shares_of_what_is_left_take_more() -> None:
    once = Mass(0.75).prune(vectors_of(DOCUMENTS))
    assert [len(once.row(row)[0]) for row in range(3)] == [2, 3, 1]
    assert [len(Mass(0.75).prune(once).row(row)[0]) for row in range(3)] == [2, 3, 1]
    assert [len(Mass(0.6).prune(once).row(row)[0]) for row in range(3)] == [1, 2, 1]


@given(COLLECTIONS, ANY, st.integers(0, 6))
def test_documents_of_a_batch_do_not_matter(documents: list[list[float]], rule: Rule, cut: int) -> None:
    vectors = vectors_of(documents)
    local = fitted(rule, vectors)
    parts = local.prune(vectors[:cut]), local.prune(vectors[cut:])
    assert places(local.prune(vectors)) == places(parts[0]) | places(parts[1])


@given(COLLECTIONS, st.fractions(0, 1).filter(bool))
def test_mass_in_exact_arithmetic(documents: list[list[float]], share: Fraction) -> None:
    # Weights within 2⁸ of each other are summed up exactly; the share is a float.
    documents = [[w if 0.01 < w < 4 else 0.0 for w in weights] for weights in documents]
    asked = Fraction(float(share))
    if not asked:
        return
    for weights, stays in zip(documents, pruned(Mass(float(share)), documents), strict=True):
        order = sorted((t for t, w in enumerate(weights) if w), key=lambda term: (-weights[term], term))
        held, kept = Fraction(0), []
        for term in order:
            # Sums are compared as float64: nearer than that to the share, either is right.
            if abs(held - asked * sum(map(Fraction, weights))) < Fraction(1, 10**12) and held:
                return
            if held >= asked * sum(map(Fraction, weights)):
                break
            held += Fraction(weights[term])
            kept.append(term)
        assert stays == sorted(kept)


def test_a_long_row_is_summed_without_loss() -> None:
    """50,000 terms of 1 and one of 0.5: float32 and batches of other sizes would round."""
    count = 50_000
    weights = np.ones(count + 1, np.float32)
    weights[0] = 0.5
    row = (np.arange(count + 1), weights)
    vectors = SparseVectors.from_rows([row, ([3], [1e30]), row], dim=count + 1)
    found = Mass(0.5).prune(vectors)
    # Half of 50,000.5 is 25,000.25: 25,001 terms of 1, the first of them by term id.
    assert np.diff(found.indptr).tolist() == [25_001, 1, 25_001]
    np.testing.assert_array_equal(found.row(0)[0], np.arange(1, 25_002))
    np.testing.assert_array_equal(found.row(2)[0], np.arange(1, 25_002))


# -- quantiles -------------------------------------------------------------------------------------------------------

POSITIVE = st.floats(width=32, min_value=float(np.float32(1e-45)), max_value=float(np.finfo(np.float32).max))


@given(st.lists(st.lists(POSITIVE | st.sampled_from([1.0, np.nextafter(np.float32(1), np.float32(2))]), max_size=9)))
def test_quantiles_are_exact(parts: list[list[float]]) -> None:
    arrays = [np.array(part, np.float32) for part in parts]
    everything = np.sort(np.concatenate([np.empty(0, np.float32), *arrays]))
    for tenths in range(10):
        found = exact_quantile(lambda: arrays, tenths / 10)
        if not len(everything):
            assert found == 0
        else:
            assert found == everything[tenths * len(everything) // 10]
            assert (everything < found).sum() <= tenths * len(everything) // 10


def test_a_share_is_what_was_typed() -> None:
    """0.29 times 100 is 28.999… in floats: the 30th weight, not the 29th, is the first that stays."""
    assert exact_quantile(lambda: [np.arange(1, 101, dtype=np.float32)], 0.29) == 30


def test_vectors_that_change_between_readings_are_noticed() -> None:
    readings = iter([[np.ones(4, np.float32)], [np.ones(3, np.float32)]])
    with pytest.raises(InputError, match="changed while they were read"):
        exact_quantile(lambda: next(readings), 0.5)


def test_a_pruner_counts() -> None:
    vectors = vectors_of(DOCUMENTS)
    pruner = Pruner(Quantile(0.3), lambda: [vectors.weights])
    for batch in (vectors[:2], vectors[2:]):
        pruner(batch)
    assert pruner.done == Pruning("quantile", 0.3, 0.5, 10, 8)
    assert pruner.done.dropped_share == pytest.approx(0.2)
    assert str(pruner.done) == "quantile 0.3 (weights from 0.5): 8 of 10 postings kept"
    assert Pruning(**pruner.done.to_record()) == pruner.done
    assert Pruner(TopK(3), list).done == Pruning("top_k", 3, None, 0, 0)
    assert str(Pruner(TopK(3), list).done) == "top_k 3: 0 of 0 postings kept"

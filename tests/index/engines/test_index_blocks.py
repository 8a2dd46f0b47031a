"""Search by bounds: what it skips, what its parameters do, and what it says of its work."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import Oracle, Pairs, random_vectors

from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.index import Hits, Index, IndexBuilder, IndexSettings
from lsr.index.engines.blocks.parameters import usual_blocks
from lsr.index.kernels.accumulate import accumulate
from lsr.index.kernels.bounds import bound_scale, integer_weights
from lsr.index.kernels.selection import CHUNK

Build = Callable[..., Index]
DOCUMENTS, DIM, BLOCK_SIZE = 4000, 400, 4
VECTORS = random_vectors(DOCUMENTS, DIM, 25, seed=6)
QUERIES: list[Pairs] = [(terms, weights) for _, terms, weights in random_vectors(30, DIM, 12, seed=7)]
# Parameters of approximate search with which it is exact; tests change one of them.
SAFE = {"cut": 0.0, "heap_factor": 1.0, "max_blocks": DOCUMENTS}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    settings = IndexSettings(block_size=BLOCK_SIZE)
    with IndexBuilder(tmp_path_factory.mktemp("pruned") / "index", dim=DIM, settings=settings) as builder:
        builder.add(VECTORS)
        return builder.finish()


def visited(hits: Hits) -> int:
    return hits.stats.blocks - hits.stats.blocks_skipped


def run(index: Index, k: int = 10, **parameters: Any) -> list[Hits]:
    """The hits of all queries, after a look at what must hold whatever the parameters."""
    oracle = Oracle.of(VECTORS)
    found = []
    for terms, weights in QUERIES:
        hits = index.search(terms, weights, k, mode="approximate", **{**SAFE, **parameters})
        _, best = oracle.search(terms, weights, k)
        scores = oracle.scores(terms, weights)
        assert hits.scores.tolist() == scores[hits.rows].tolist()
        assert (hits.scores > 0).all()
        assert len(set(hits.rows.tolist())) == len(hits) <= k
        assert sorted(zip(-hits.scores, hits.rows, strict=True)) == list(zip(-hits.scores, hits.rows, strict=True))
        assert (hits.scores <= best[: len(hits)]).all()
        assert hits.stats.blocks == DOCUMENTS // BLOCK_SIZE
        assert len(hits) <= hits.stats.documents_scored <= visited(hits) * BLOCK_SIZE
        found.append(hits)
    return found


def quality(hits: list[Hits]) -> float:
    return sum(float(each.scores.sum()) for each in hits)


def work(hits: list[Hits]) -> int:
    return sum(map(visited, hits))


def test_exact_search_skips_most_and_says_so(index: Index) -> None:
    postings = index.parts["terms"].documents
    for k, most in ((1, 0.1), (10, 0.3), (DOCUMENTS, 1.0)):
        hits = [index.search(terms, weights, k, mode="exact") for terms, weights in QUERIES]
        assert 0 < work(hits) <= most * sum(each.stats.blocks for each in hits)
        for (terms, _), each in zip(QUERIES, hits, strict=True):
            frequent = index.parts["summaries"].frequent_numbers[terms] >= 0
            assert each.stats.frequent_cells == frequent.sum() * index.parts["summaries"].padded_blocks
            assert 0 <= each.stats.postings <= postings[terms[~frequent]].sum()
            assert each.stats.documents_scored == visited(each) * BLOCK_SIZE
            assert not each.stats.direct
        for approximate, each in zip(run(index, k), hits, strict=True):
            assert (approximate.rows.tolist(), visited(approximate)) == (each.rows.tolist(), visited(each))


def test_every_block_with_a_bound_that_may_suffice_is_visited(index: Index) -> None:
    """And few more. Of so many searches, some end where a step of the bound makes the difference."""
    summaries, needed, seen = index.parts["summaries"], 0, 0
    for terms, weights in QUERIES:
        m = len(terms)
        factors, cuts = np.empty(m, np.uint16), np.empty(m, np.int64)
        bounds = np.empty(summaries.padded_blocks, np.uint16)
        scratch = np.empty(m, np.int64), np.empty(m, np.uint16), bounds, np.empty(len(bounds) // CHUNK, np.uint16)
        scaled = weights * np.float32(index.manifest.weight_scale)
        scale, strongest = bound_scale(terms, scaled, summaries.term_maxima, 65535)
        integer_weights(terms, scaled, summaries.term_maxima, scale, strongest, 0.0, factors, cuts)
        accumulate(*summaries.arrays[:-1], terms, factors, cuts, *scratch)
        for k in range(1, 200):
            hits = index.search(terms, weights, k, mode="exact")
            least = (bounds >= (int(hits.scores[-1] * scale) if len(hits) == k else 1)).sum()
            assert visited(hits) >= least
            needed, seen = needed + least, seen + visited(hits)
    assert seen <= 1.1 * needed


def test_max_blocks(index: Index) -> None:
    before = 0.0
    for most in (1, 2, 5, 20, 100, 1000):
        hits = run(index, max_blocks=most)
        assert all(visited(each) <= most for each in hits)
        assert work(hits[:1]) == most or most > 20
        assert quality(hits) >= before
        before = quality(hits)
    assert quality(run(index)) == quality(run(index, max_blocks=1 << 70)) >= before


def test_budget(index: Index) -> None:
    """Time is up before the first block, or never."""
    assert all(visited(each) == len(each) == 0 for each in run(index, budget_us=1e-3))
    unhurried = run(index, budget_us=1e300)
    assert [each.stats for each in unhurried] == [each.stats for each in run(index)]


def test_cut(index: Index) -> None:
    all_hits = [run(index, cut=cut) for cut in (0.0, 0.05, 0.2, 0.5, 0.99)]
    for less, more in pairwise(all_hits):
        for one, other in zip(less, more, strict=True):
            assert one.stats.postings >= other.stats.postings
            assert one.stats.frequent_cells >= other.stats.frequent_cells
        assert sum(each.stats.postings for each in less) > sum(each.stats.postings for each in more)
        assert quality(less) >= quality(more)
        assert all(map(len, more))
    assert quality(all_hits[-1]) < quality(all_hits[0])


@pytest.mark.parametrize("terms", [[0], [0, 1], [399]])
def test_the_weightiest_term_outlasts_any_cut(index: Index, terms: list[int]) -> None:
    assert len(index.search(terms, np.ones(len(terms)), 10, mode="approximate", cut=0.999)) == 10


def test_any_finite_number_will_do(index: Index) -> None:
    terms, weights = QUERIES[0]
    expected = index.search(terms, weights, 10, mode="approximate", **SAFE)
    found = index.search(
        terms, weights, 10, mode="approximate", cut=0, heap_factor=1, max_blocks=10**9, budget_us=1e300
    )
    assert found.rows.tolist() == expected.rows.tolist()


def test_heap_factor(index: Index) -> None:
    factors = (1e-300, 0.5, 1.0, 1.5, 3.0, 1e300)
    all_hits = [run(index, heap_factor=factor) for factor in factors]
    assert quality(all_hits[0]) == quality(all_hits[1]) == quality(all_hits[2])
    for less, more in pairwise(all_hits):
        assert work(less) > work(more) or quality(less) == quality(more)
        assert work(less) >= work(more)
        assert quality(less) >= quality(more)
    # No more than are needed for k documents.
    assert work(all_hits[-1]) <= 10 * len(QUERIES)


def test_defaults_find_most(index: Index) -> None:
    found = wanted = 0
    for terms, weights in QUERIES:
        hits = index.search(terms, weights, mode="approximate")
        assert visited(hits) <= usual_blocks(10, DOCUMENTS)
        best = index.search(terms, weights, mode="exact").rows.tolist()
        found += len(set(hits.rows.tolist()) & set(best))
        wanted += len(best)
    assert found > 0.8 * wanted
    # Four times the documents, twice the blocks.
    assert usual_blocks(10, 300_000) < usual_blocks(100, 300_000)
    assert usual_blocks(10, 1_200_000) == 2 * usual_blocks(10, 300_000)


@pytest.mark.parametrize(
    "bad",
    [
        {"cut": -0.1},
        {"cut": 1.0},
        {"cut": float("nan")},
        {"heap_factor": 0.0},
        {"heap_factor": float("nan")},
        {"heap_factor": float("inf")},
        {"max_blocks": 0},
        {"budget_us": 0.0},
        {"budget_us": float("nan")},
        {"budget_us": float("inf")},
    ],
)
def test_bad_parameters(index: Index, bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        index.search([1], [1.0], mode="approximate", **bad)


@pytest.mark.parametrize("mode", ["exact", "approximate"])
@pytest.mark.parametrize("allowed", [0, 1, 10, 11, 40, 400, 2000])
def test_filters_go_one_of_two_ways(index: Index, mode: str, allowed: int) -> None:
    """One document in four hundred and fewer are scored directly; else bounds choose among all."""
    mask = np.zeros(DOCUMENTS, np.bool_)
    mask[np.random.default_rng(allowed).choice(DOCUMENTS, allowed, replace=False)] = True
    for terms, weights in QUERIES:
        hits = index.search(terms, weights, allow=mask, mode=mode)
        assert mask[hits.rows].all()
        assert hits.stats.mode == mode
        assert hits.stats.direct == (allowed <= 10)
        if hits.stats.direct:
            assert (hits.stats.documents_scored, hits.stats.blocks) == (allowed, 0)
        assert hits.stats.documents_scored <= allowed
        rows, _ = Oracle.of(VECTORS).search(terms, weights, 10, mask)
        # Approximate search may miss some, but finds others for them.
        assert len(hits) == len(rows)
        assert mode == "approximate" or hits.rows.tolist() == rows


def test_the_order_of_a_filters_rows_is_not_that_of_the_index(index: Index) -> None:
    assert (np.diff(index.segments[0].document_rows.astype(int)) < 0).any()
    for row in range(0, DOCUMENTS, 97):
        terms, weights = VECTORS.row(row)
        mask = np.arange(DOCUMENTS) == row
        for mode in index.sparse.modes:
            assert index.search(terms[:1], weights[:1], allow=mask, mode=mode).rows.tolist() == [row][: len(terms)]


@pytest.mark.parametrize(("words", "cut"), [(0, 0.12), (DIM // 2, 0.08)])
def test_what_is_left_out_by_default_is_less_with_words(tmp_path: Path, words: int, cut: float) -> None:
    names = [f"w{number}" for number in range(words)]
    tokens = Vocabulary(f"t{number}" for number in range(DIM - words))
    with IndexBuilder(tmp_path / "index", dim=DIM, vocabulary=tokens, words=names or None) as builder:
        builder.add(VECTORS)
        index = builder.finish()

    def postings(**parameters: float) -> list[int]:
        found = [index.search(*query, 10, mode="approximate", **parameters) for query in QUERIES]
        return [hits.stats.postings + hits.stats.frequent_cells for hits in found]

    assert postings() == postings(cut=cut)
    assert sum(postings(cut=0.08)) > sum(postings(cut=0.12))

"""Every mode of search finds what brute force finds, on every kind of collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_oracle import Oracle, Pairs, random_vectors

from lsr.index import BmpSettings, Hits, Index, IndexBuilder, IndexSettings, SeismicSettings
from lsr.vectors.sparse import SparseVectors

# The parameters with which each mode has to find the true best.
MODES: dict[str, dict[str, Any]] = {
    "exact": {},
    "exhaustive": {},
    "approximate": {"cut": 0.0, "heap_factor": 1.0, "max_blocks": 1 << 40},
    "seismic": {"query_cut": None, "heap_factor": 1.0},
    "bmp": {},
}
# What an index needs for all of them.
EVERYTHING = {"seismic": SeismicSettings(n_postings=None, summary_energy=1.0), "bmp": BmpSettings(8)}
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """A collection and what to ask it; `shares` are those of the documents that filters allow."""

    vectors: SparseVectors
    queries: list[Pairs]
    settings: dict[str, Any] = field(default_factory=dict)
    ks: tuple[int, ...] = (1, 10, 5000)
    shares: tuple[float, ...] = (0.5, 0.1, 0.001, 0.0)


def build(folder: Path, case: Case) -> Index:
    settings = IndexSettings(**EVERYTHING, **case.settings)
    with IndexBuilder(folder / "index", dim=case.vectors.dim, settings=settings) as builder:
        builder.add(case.vectors)
        return builder.finish()


def assert_found(hits: Hits, wanted: tuple[list[int], list[float]], mode: str) -> None:
    assert (hits.rows.tolist(), hits.scores.tolist()) == wanted
    assert hits.stats.mode == mode
    assert hits.stats.documents_scored >= len(hits)
    assert 0 <= hits.stats.blocks_skipped <= hits.stats.blocks


def forms(mask: Mask | None) -> Iterable[npt.NDArray[Any] | None]:
    """A filter as bools and as bytes, whose last bits stand for no document and are set."""
    yield mask
    if mask is not None:
        packed = np.packbits(mask, bitorder="little")
        packed[-1] |= 0xFF << (len(mask) - 1) % 8 + 1 & 0xFF
        yield packed


# -- collections -----------------------------------------------------------------------------------------------------


def pairs(vectors: SparseVectors) -> list[Pairs]:
    return [(terms, weights) for _, terms, weights in vectors]


def long_queries(dim: int, *lengths: int) -> list[Pairs]:
    random = np.random.default_rng(4)
    return [(np.sort(random.choice(dim, m, replace=False)), random.exponential(1.0, m) + 0.01) for m in lengths]


def usual() -> Case:
    """Bounds are added up in numbers of another width from 101 terms on, weights looked up by others from 256 on."""
    queries = pairs(random_vectors(8, 300, 8, seed=1)) + long_queries(300, 100, 101, 255, 256, 300)
    one_term: list[Pairs] = [([0], [1.0]), ([299], [0.1]), ([150], [3.0])]
    return Case(random_vectors(3000, 300, 20), [([], []), ([5, 1, 9], [0.5, 1.0, 2.0]), *one_term, *queries])


def small(**settings: Any) -> Callable[[], Case]:
    """Few documents, some empty, some alike."""

    def make() -> Case:
        filled, empty = random_vectors(600, 150, 12, seed=2), SparseVectors.from_rows([([], [])] * 40, dim=150)
        rows = [*pairs(filled), *pairs(empty), *pairs(filled[:60])]
        mixed = np.random.default_rng(3).permutation(len(rows))
        vectors = SparseVectors.from_rows([rows[i] for i in mixed], dim=150)
        return Case(vectors, pairs(random_vectors(6, 150, 8, seed=4)) + long_queries(150, 120), settings)

    return make


def ties() -> Case:
    queries = pairs(random_vectors(8, 14, 5, seed=5, levels=2))
    return Case(random_vectors(1500, 14, 5, seed=6, levels=2), queries, {"block_size": 3}, (1, 7, 100, 2000))


def all_alike() -> Case:
    return Case(SparseVectors.from_rows([([1, 4], [1.0, 0.5])] * 1200, dim=6), [([1], [1.0]), ([0, 4, 5], [1, 2, 3])])


def all_empty() -> Case:
    return Case(SparseVectors.from_rows([([], [])] * 70, dim=5), [([1], [1.0]), ([], [])])


def one_document() -> Case:
    return Case(SparseVectors.from_rows([([0], [0.3])], dim=1), [([0], [2.0]), ([], [])], shares=(1.0, 0.0))


def large_vocabulary(dim: int, **settings: Any) -> Callable[[], Case]:
    """Beside usual documents one of 70,000 terms."""

    def make() -> Case:
        random = np.random.default_rng(0)
        long = np.sort(random.choice(dim, 70_000, replace=False))
        rows = [(np.sort(random.choice(long[:200], 20, replace=False)), random.random(20) + 0.1) for _ in range(400)]
        rows.insert(123, (long, random.random(len(long)) + 0.1))
        queries = [(part, random.random(len(part)) + 0.1) for part in (long[50:60], long[:700], long[-1:], long)]
        return Case(SparseVectors.from_rows(rows, dim=dim), queries, settings, ks=(1, 10), shares=(0.5, 0.0))

    return make


def tiny_documents() -> Case:
    """More blocks than two windows hold, and so many documents that one allowed one is less than 1 in 100,000."""
    documents, dim = 131_200, 40
    random = np.random.default_rng(7)
    first = random.integers(0, dim - 20, documents)
    terms = np.stack([first, first + random.integers(1, 20, documents)], axis=1)
    vectors = SparseVectors(
        np.arange(documents + 1) * 2,
        terms.ravel(),
        random.integers(1, 256, 2 * documents) / 255,
        list(map(str, range(documents))),
        dim,
    )
    queries = [([10], [1.0]), ([2, 12, 22, 32], [1.0, 0.3, 2.0, 1.5]), (np.arange(dim), np.linspace(1, 2, dim))]
    return Case(vectors, queries, {"block_size": 1, "reorder": False}, (1, 100), (0.5, 0.1, 0.001, 1e-5))


def saturating_sums() -> Case:
    """Hundreds of documents whose bounds reach the largest integer, so that only their scores tell them apart."""
    random = np.random.default_rng(8)
    heavy = [(np.arange(300), random.integers(240, 256, 300)) for _ in range(300)]
    vectors = SparseVectors.from_rows(heavy + pairs(random_vectors(100, 300, 20, seed=9, levels=255)), dim=300)
    queries: list[Pairs] = [(np.arange(m), np.ones(m)) for m in (1, 2, 90, 100, 101, 300)]
    return Case(vectors, queries + long_queries(300, 60, 250), {"block_size": 2}, (1, 10, 250, 350))


def sums_that_are_rounded_up() -> Case:
    """Scores of 10,000 equal addends, which float32 makes larger than the sum of the integers that bound them."""
    # So many terms make integer weights of just below 1,500, which are rounded up by next to nothing.
    dim, long = 22_458, 10_000
    rows: list[Pairs] = [(part, np.ones(len(part))) for part in np.array_split(np.arange(long, dim), 6)]
    rows += [([*range(long), long + more], [1.0] * long + [more / 255]) for more in range(1, 20)]
    queries: list[Pairs] = [(np.arange(dim), np.full(dim, weight)) for weight in (1.2, 1.4, 1.7, 1.9)]
    settings = {"block_size": 1, "reorder": False}
    return Case(SparseVectors.from_rows(rows, dim=dim), queries, settings, (1, 2, 20), (0.7,))


def extreme_weights() -> Case:
    """Weights of one query that are 10²⁴ apart."""
    random = np.random.default_rng(10)
    queries = [(terms, 10.0 ** random.uniform(-12, 12, m)) for m in (3, 20, 120) for terms, _ in long_queries(150, m)]
    rows = [(terms, 10.0 ** random.uniform(-3, 3, len(terms))) for _, terms, _ in random_vectors(900, 150, 15, seed=11)]
    return Case(SparseVectors.from_rows(rows, dim=150), queries)


CASES: dict[str, Callable[[], Case]] = {
    "usual": usual,
    "blocks of 1": small(block_size=1),
    "blocks of 2, 16 bits": small(block_size=2, weight_bits=16),
    "blocks of 2, 24 bits": small(block_size=2, weight_bits=24),
    "blocks of 3, not reordered": small(block_size=3, reorder=False),
    "blocks of 4, rows only": small(block_size=4, frequent_share=1e-9),
    "blocks of 16, lists only, 16 bits": small(block_size=16, frequent_share=1.0, weight_bits=16),
    "blocks of 256": small(block_size=256),
    "ties": ties,
    "all alike": all_alike,
    "all empty": all_empty,
    "one document": one_document,
    "70,000 terms": large_vocabulary(70_000),
    "250,000 terms, 16 bits": large_vocabulary(250_000, weight_bits=16),
    "tiny documents": tiny_documents,
    "saturating sums": saturating_sums,
    "sums that are rounded up": sums_that_are_rounded_up,
    "extreme weights": extreme_weights,
}


@pytest.fixture(scope="module", params=CASES)
def collection(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Index, Any]:
    """A case, its index, and what is to be found there: ((query, k, filter), (rows, scores))."""
    case = CASES[request.param]()
    oracle = Oracle.of(case.vectors, case.settings.get("weight_bits", 8))
    random = np.random.default_rng(12)
    masks: list[Mask | None] = [None]
    for share in case.shares:
        mask = np.zeros(len(case.vectors), np.bool_)
        mask[random.choice(len(mask), int(np.ceil(share * len(mask))), replace=False)] = True
        masks.append(mask)
    wanted = [
        ((terms, weights, k, mask), oracle.search(terms, weights, k, mask))
        for terms, weights in case.queries
        for k in case.ks
        for mask in masks
    ]
    return case, build(tmp_path_factory.mktemp("contract"), case), wanted


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_finds_the_true_best(collection: tuple[Case, Index, Any], mode: str) -> None:
    _, index, wanted = collection
    for (terms, weights, k, mask), best in wanted:
        for allow in forms(mask):
            assert_found(index.search(terms, weights, k, mode=mode, allow=allow, **MODES[mode]), best, mode)


# -- any collection --------------------------------------------------------------------------------------------------

# Few terms and weights, so that ties, equal documents and matches abound; 130 terms, so that a query may have more than
# 100 of them.
DIM = 130
term = st.integers(0, 11).map(lambda number: number * 11)
weight = st.sampled_from([0.5, 1.0, 2.0]) | st.floats(2**-7, 3, width=32)
vector = st.dictionaries(term, weight, max_size=8)
build_settings = st.fixed_dictionaries(
    {
        "block_size": st.sampled_from([None, 1, 2, 3, 16, 256]),
        "reorder": st.booleans(),
        "frequent_share": st.sampled_from([1e-9, 0.125, 1.0]),
        "weight_bits": st.sampled_from([8, 16, 24]),
    }
)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(vector, min_size=1, max_size=120),
    query=vector,
    others=st.sampled_from([None, 1e-9, 1.0, 1e9]),
    k=st.integers(1, 150),
    chosen=build_settings,
    data=st.data(),
)
def test_any_collection(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[int, float]],
    query: dict[int, float],
    others: float | None,
    k: int,
    chosen: dict[str, Any],
    data: st.DataObject,
) -> None:
    """`others` is the weight in the query of the terms that the vectors drawn do not have."""
    vectors = SparseVectors.from_rows([(sorted(row), [row[term] for term in sorted(row)]) for row in rows], dim=DIM)
    if others is not None:
        query = {term: query.get(term, others) for term in range(DIM)}
    terms, weights = list(query), list(query.values())
    masks = st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)).map(np.array)
    mask = data.draw(st.none() | masks)
    index = build(tmp_path_factory.mktemp("any"), Case(vectors, [], chosen))
    best = Oracle.of(vectors, chosen["weight_bits"]).search(terms, weights, k, mask)
    for allow in forms(mask):
        for mode, parameters in MODES.items():
            assert_found(index.search(terms, weights, k, mode=mode, allow=allow, **parameters), best, mode)

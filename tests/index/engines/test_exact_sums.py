"""A score is the exact sum of products, rounded once: no order of terms, and no layout, changes a bit of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.core.errors import InputError
from lsr.index import BmpSettings, Index, IndexBuilder, IndexSettings, SeismicSettings
from lsr.index.engines.queries import check_queries, check_query
from lsr.index.format.columns import COLUMNS, SHARED
from lsr.vectors.sparse import SparseVectors

Vector = dict[int, float]
MODES: dict[str, dict[str, Any]] = {
    "exact": {},
    "exhaustive": {},
    "approximate": {"cut": 0.0, "heap_factor": 1.0, "max_blocks": 1 << 40},
    "seismic": {"query_cut": None, "heap_factor": 1.0},
    "bmp": {},
}
EVERYTHING = {"seismic": SeismicSettings(n_postings=None, summary_energy=1.0), "bmp": BmpSettings(8)}
TERMS = 40


def prepared(weights: list[float], bits: int = 8, scale: float = 1.0) -> list[float]:
    """A query's weights as they are searched with."""
    return check_query(range(len(weights)), weights, len(weights), np.float32(scale), bits).weights.tolist()


def vectors_of(rows: list[Vector], dim: int = TERMS) -> SparseVectors:
    return SparseVectors.from_rows([(sorted(row), [row[term] for term in sorted(row)]) for row in rows], dim=dim)


def build(folder: Path, vectors: SparseVectors, bits: int = 8, **options: Any) -> Index:
    chosen = IndexSettings(weight_bits=bits, **EVERYTHING)
    with IndexBuilder(folder / "index", dim=vectors.dim, settings=chosen, **options) as builder:
        builder.add(vectors)
        return builder.finish()


def rounded_once(number: Fraction) -> np.float32:
    """The float32 nearest to a positive number; the even one of two as near."""
    near = np.float32(float(number))
    beside = [np.nextafter(near, np.float32(0)), near, np.nextafter(near, np.float32(np.inf))]
    return min(beside, key=lambda each: (abs(Fraction(float(each)) - number), int(each.view(np.uint32)) & 1))


# -- the weights of a query ------------------------------------------------------------------------------------------


def test_usual_weights_stay_as_they_are() -> None:
    weights = [3.0, 0.1, 1e-3, 2.7182817]
    assert prepared(weights) == np.array(weights, np.float32).tolist()
    assert prepared(weights, scale=0.01) == (np.array(weights, np.float32) * np.float32(0.01)).tolist()


@pytest.mark.parametrize(
    ("bits", "terms", "unit"),
    # Of 53 bits, 8, 16 or 24 are a stored weight's, one is the heaviest weight's first, and so many tell terms apart.
    [(8, 1, 2.0**-44), (8, 2, 2.0**-43), (8, 3, 2.0**-42), (8, 100, 2.0**-37), (16, 2, 2.0**-35), (24, 2, 2.0**-27)],
)
def test_light_weights_are_rounded_to_whole_units(bits: int, terms: int, unit: float) -> None:
    """A unit is so much of the largest power of two that the heaviest weight, which lies in 1 … 2, reaches."""
    for heaviest in (1.0, 1.5, np.nextafter(np.float32(2), np.float32(0))):
        # Weights of more bits than there are below the first of the heaviest weight.
        light = [unit * number for number in (2.5, 3.5, 3.4, 1e-9, 0.5)][: terms - 1]
        found = prepared([heaviest, *light, *[1.0] * (terms - 1 - len(light))], bits)
        # Half goes to the even one, and nothing to nothing: a match would be lost.
        assert found[: 1 + len(light)] == [heaviest, *[unit * number for number in (2, 4, 3, 1, 1)][: len(light)]]


def test_the_heaviest_is_rounded_too_where_a_stored_weight_takes_most_bits() -> None:
    """1,025 terms of 24 bits leave 17 bits below the first."""
    unit = 2.0**-17
    assert prepared([1 + unit / 4, 1 + unit * 3 / 4, *[1.0] * 1023], 24)[:2] == [1.0, 1 + unit]


def test_batches_are_rounded_query_by_query() -> None:
    queries = SparseVectors.from_rows([([0, 1], [1e9, 1e-9]), ([1], [1e-9]), ([], []), ([0, 1], [1.0, 2.0])], dim=2)
    together = check_queries(queries, 0, 4, np.float32(1), 16)
    alone = [check_query(terms, weights, 2, np.float32(1), 16).weights for _, terms, weights in queries]
    assert together.weights.tolist() == np.concatenate(alone).tolist()
    assert together.weights[1] > 1e-3 and together.weights[2] == np.float32(1e-9)


def test_rounding_up_is_part_of_what_must_stay_finite() -> None:
    """So many light weights, each rounded up to a unit, that scores would be infinite."""
    weights = np.full(1 << 19, 1e20, np.float32)
    for heaviest, fits in ((1e33, True), (1.3e36, False)):
        weights[0] = heaviest
        assert weights.sum(dtype=np.float64) < float(np.finfo(np.float32).max) / 256
        if fits:
            assert check_query(range(1 << 19), weights, 1 << 19, np.float32(1), 24).weights[1] > 1e30
        else:
            with pytest.raises(InputError, match="too small or too large"):
                check_query(range(1 << 19), weights, 1 << 19, np.float32(1), 24)


# -- scores ----------------------------------------------------------------------------------------------------------

weight = st.sampled_from([0.5, 1.0, 2.0]) | st.floats(2**-7, 3, width=32)
vector = st.dictionaries(st.integers(0, TERMS - 1), weight, max_size=TERMS)
asked = st.dictionaries(
    st.integers(0, TERMS - 1), weight | st.floats(2**-30, 2**30, width=32), min_size=1, max_size=TERMS
)
bits = st.sampled_from([8, 16, 24])


def exact_scores(index: Index, terms: npt.ArrayLike, weights: npt.ArrayLike) -> list[float]:
    """By rational numbers, from stored weights in whole parts of a step."""
    query = next(iter(index.sparse.prepare(terms, weights).by_segment[0]))
    exact = {int(term): Fraction(float(each)) for term, each in zip(query.terms, query.weights, strict=True)}
    forward, scores = index.segments[0].forward, []
    for row in range(len(index)):
        position = int(index.segments[0].row_positions[row])
        pairs = slice(forward.indptr[position], forward.indptr[position + 1])
        parts = 1 if forward.deficits is None else 256**forward.deficits.itemsize
        whole = forward.weights[pairs].astype(np.int64) * parts
        if forward.deficits is not None:
            whole -= forward.deficits[pairs]
        products = (
            exact.get(term, Fraction(0)) * Fraction(number, parts)
            for term, number in zip(forward.indices[pairs].tolist(), whole.tolist(), strict=True)
        )
        scores.append(float(rounded_once(total)) if (total := sum(products, Fraction(0))) else 0.0)
    return scores


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(vector, min_size=1, max_size=20), query=asked, bits=bits)
def test_scores_are_rational_sums_rounded_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Vector], query: Vector, bits: int
) -> None:
    index = build(tmp_path_factory.mktemp("rational"), vectors_of(rows), bits)
    terms, weights = list(query), list(query.values())
    wanted = exact_scores(index, terms, weights)
    assert index.scores(terms, weights, range(len(rows))).tolist() == wanted
    best = [row for row in np.argsort(-np.array(wanted), kind="stable").tolist() if wanted[row] > 0]
    for mode, parameters in MODES.items():
        hits = index.search(terms, weights, len(rows), mode=mode, **parameters)
        assert (hits.rows.tolist(), hits.scores.tolist()) == (best, [wanted[row] for row in best])


def test_a_sum_that_float32_would_round_in_another_order(tmp_path: Path) -> None:
    """Added one by one to 255 times 2^24, each 100 would be lost; together they are not."""
    index = build(tmp_path, vectors_of([{0: 255.0, 1: 100.0, 2: 100.0}, {0: 100.0, 1: 100.0, 2: 255.0}], 3))
    assert index.manifest.weight_scale == 1
    large = 255 * 2.0**24
    assert np.float32(np.float32(large + 100) + 100) == large
    assert index.scores(range(3), [2.0**24, 1, 1], [0]).tolist() == [large + 256]
    assert index.scores(range(3), [1, 1, 2.0**24], [1]).tolist() == [large + 256]


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(vector, min_size=1, max_size=30), query=asked, bits=bits, data=st.data())
def test_any_order_of_columns_gives_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Vector], query: Vector, bits: int, data: st.DataObject
) -> None:
    renumbered = data.draw(st.permutations(range(TERMS)))

    def renamed(row: Vector) -> Vector:
        return {renumbered[term]: each for term, each in row.items()}

    folder = tmp_path_factory.mktemp("columns")
    index = build(folder / "as they are", vectors_of(rows), bits)
    other = build(folder / "renumbered", vectors_of(list(map(renamed, rows))), bits)
    terms, weights = list(query), list(query.values())
    for mode, parameters in MODES.items():
        hits = index.search(terms, weights, len(rows), mode=mode, **parameters)
        moved = other.search([renumbered[term] for term in terms], weights, len(rows), mode=mode, **parameters)
        assert (hits.rows.tolist(), hits.scores.tolist()) == (moved.rows.tolist(), moved.scores.tolist())


# Ids of terms that are rare among so many, several to a column.
DIM = COLUMNS + 3 * SHARED
RARE = [COLUMNS - SHARED + column + SHARED * turn for column in (0, 1, 7) for turn in range(4)]


@settings(max_examples=10, deadline=None)
@given(rows=st.lists(vector, min_size=1, max_size=20), query=asked, bits=bits, data=st.data())
def test_it_does_not_matter_which_terms_are_rare(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Vector], query: Vector, bits: int, data: st.DataObject
) -> None:
    rare = data.draw(st.lists(st.integers(0, TERMS - 1), unique=True, max_size=len(RARE)))
    places = {term: term for term in range(TERMS)} | dict(zip(rare, RARE, strict=False))
    folder = tmp_path_factory.mktemp("rare")
    index = build(folder / "common", vectors_of(rows), bits)
    shared = build(
        folder / "shared",
        vectors_of([{places[term]: each for term, each in row.items()} for row in rows], DIM),
        bits,
        rare_last=True,
    )
    terms, weights = list(query), list(query.values())
    for mode, parameters in MODES.items():
        hits = index.search(terms, weights, len(rows), mode=mode, **parameters)
        moved = shared.search([places[term] for term in terms], weights, len(rows), mode=mode, **parameters)
        assert (hits.rows.tolist(), hits.scores.tolist()) == (moved.rows.tolist(), moved.scores.tolist())

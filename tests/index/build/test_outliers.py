"""A few weights far above all others do not take the others' differences away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr.index import Index, IndexBuilder, IndexSettings
from lsr.index.build.prune import prune_index
from lsr.index.live.inspection import outliers_in_words
from lsr.vectors.pruning import TopK
from lsr.vectors.sparse import SparseVectors


def build(path: Path, rows: list, dim: int = 2, bits: int = 8) -> Index:
    with IndexBuilder(path, dim=dim, settings=IndexSettings(weight_bits=bits)) as builder:
        builder.add(SparseVectors.from_rows(rows, dim=dim))
        return builder.finish()


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_one_outlier_leaves_the_others_their_order(tmp_path: Path, bits: int) -> None:
    index = build(tmp_path / "i", [([0], [0.5]), ([0], [1]), ([0], [1.9]), ([1], [1000])], bits=bits)
    for mode in ("exact", "exhaustive"):
        assert index.search([0, 1], [1, 1], mode=mode).ids == ["3", "2", "1", "0"]
    assert dict(index.search([0], [1])) == pytest.approx({"2": 1.9, "1": 1.0, "0": 0.5}, rel=0.02)
    assert (index.manifest.outliers is None) == (bits > 8)  # whose steps are fine enough


def test_a_build_and_a_description_say_so(tmp_path: Path) -> None:
    index = build(tmp_path / "i", [([0], [0.5]), ([0], [1]), ([0], [1.9]), ([1], [1000])])
    assert index.describe()["outliers"] == {"weights": 1, "heaviest": 1000.0, "limit": pytest.approx(3.8)}
    words = outliers_in_words(index)
    assert words is not None and words.startswith("1 weight is above 3.8 (up to 1000) and stored as that")
    assert Index.open(tmp_path / "i").manifest.outliers == index.manifest.outliers


def test_beyond_what_24_bits_tell_apart(tmp_path: Path) -> None:
    given = [([0], [0.5]), ([0], [1]), ([0], [1.9]), ([1], [1e9])]
    index = build(tmp_path / "i", given, bits=24)
    outliers = index.manifest.outliers
    assert outliers is not None and outliers["heaviest"] == 1e9
    assert outliers["limit"] == index.manifest.weight_scale * 255
    assert index.search([0, 1], [1, 1]).ids == ["3", "2", "1", "0"]
    expected = {"3": outliers["limit"], "2": 1.9, "1": 1.0, "0": 0.5}
    assert dict(index.search([0, 1], [1, 1])) == pytest.approx(expected, rel=1e-6)


def rows(count: int, outlier: float = 0) -> list:
    random = np.random.default_rng(1)
    made = [(np.sort(random.choice(400, 30, replace=False)), random.gamma(1.5, 0.5, 30) + 1e-3) for _ in range(count)]
    if outlier:
        made[0][1][3] = outlier
    return made


@pytest.mark.parametrize("outlier", [50.0, 10_000.0])
def test_the_best_stay_the_best_of_many(tmp_path: Path, outlier: float) -> None:
    given = rows(500, outlier)
    exact = SparseVectors.from_rows(given, dim=400).to_scipy()
    index = build(tmp_path / "i", given, 400)
    random, overlaps = np.random.default_rng(0), []
    for _ in range(30):
        terms = np.sort(random.choice(400, 20, replace=False))
        query = np.zeros(400, np.float32)
        query[terms] = random.gamma(1.5, 0.5, 20) + 0.01
        best = np.argsort(-(exact @ query), kind="stable")[:10]
        overlaps.append(len(set(best) & set(index.search(terms, query[terms], 10).rows.tolist())) / 10)
    assert np.mean(overlaps) > 0.95


def test_weights_of_usual_size_are_stored_as_ever(tmp_path: Path) -> None:
    index = build(tmp_path / "i", rows(200), 400)
    heaviest = max(float(np.float32(weights).max()) for _, weights in rows(200))
    assert index.manifest.weight_scale == heaviest / 255 and index.manifest.outliers is None
    assert "outliers" not in index.describe() and b"outliers" not in index.manifest.to_bytes()
    few = build(tmp_path / "few", [([0, 1], [1000.0, 1e-6])])
    assert few.manifest.outliers is None


def test_pruning_keeps_the_steps(tmp_path: Path) -> None:
    index = build(tmp_path / "i", rows(200, 10_000), 400)
    pruned = prune_index(index, tmp_path / "p", TopK(10))
    assert pruned.manifest.weight_scale == index.manifest.weight_scale
    assert pruned.manifest.outliers == index.manifest.outliers
    for row in range(20):
        before = dict(zip(*(part.tolist() for part in index.vector(row)), strict=True))
        after = dict(zip(*(part.tolist() for part in pruned.vector(row)), strict=True))
        assert after.items() <= before.items()

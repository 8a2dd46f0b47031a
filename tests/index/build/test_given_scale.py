"""A given step of the stored weights: a vector has the same scores in every index of that step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors

from lsr.core.errors import InputError
from lsr.index import Index, IndexBuilder, IndexSettings, verify
from lsr.index.build.prune import prune_index
from lsr.index.live.inspection import outliers_in_words
from lsr.vectors.pruning import TopK
from lsr.vectors.sparse import SparseVectors

Rows = list[tuple[list[int], list[float]]]


def build(path: Path, vectors: SparseVectors, step: Any, bits: int = 8) -> Index:
    settings = IndexSettings(weight_bits=bits)
    with IndexBuilder(path, dim=vectors.dim, settings=settings, weight_scale=step) as builder:
        builder.add(vectors)
        return builder.finish()


def of_rows(rows: Rows, dim: int = 4) -> SparseVectors:
    return SparseVectors.from_rows(rows, dim=dim)


def test_by_hand(tmp_path: Path) -> None:
    """Steps of 0.5: up to 127.5 is told apart; 127.7 is nearest to that, 127.75 to what there is not."""
    rows: Rows = [([0, 1], [1.0, 3.3]), ([0, 1], [127.5, 0.01]), ([0, 1], [127.7, 128.0]), ([0, 2], [1000.0, 127.76])]
    index = build(tmp_path / "index", of_rows(rows), 0.5)
    assert index.manifest.weight_scale == 0.5
    assert [index.vector(row)[1].tolist() for row in range(4)] == [
        [1.0, 3.5],
        [127.5, 0.5],
        [127.5, 127.5],
        [127.5, 127.5],
    ]
    assert index.manifest.outliers == {"weights": 3, "heaviest": 1000.0, "limit": 127.5}
    assert index.describe()["outliers"] == index.manifest.outliers
    assert (outliers_in_words(index) or "").startswith("3 weights are above 127.5 (up to 1000) and stored as that")
    assert index.search([0, 1], [2.0, 1.0]).scores.tolist() == [382.5, 255.5, 255.0, 5.5]
    assert verify(index.path) == [] and Index.open(index.path).manifest.outliers == index.manifest.outliers


@pytest.mark.parametrize(("bits", "parts"), [(8, 1), (16, 256), (24, 65_536)])
def test_what_is_beyond_depends_on_how_fine_weights_are(tmp_path: Path, bits: int, parts: int) -> None:
    just, beyond = 255 + 0.25 / parts, 255 + 0.75 / parts
    index = build(tmp_path / "index", of_rows([([0, 1], [just, beyond])]), 1.0, bits)
    # A float32 has 16 bits after the point there.
    assert index.manifest.outliers == {"weights": 1, "heaviest": float(np.float32(beyond)), "limit": 255.0}
    assert build(tmp_path / "fits", of_rows([([0, 1], [just, 255.0])]), 1.0, bits).manifest.outliers is None


def test_light_weights_leave_the_step_as_it_is(tmp_path: Path) -> None:
    index = build(tmp_path / "index", of_rows([([0, 1], [0.1, 0.001])]), 0.01)
    assert index.manifest.weight_scale == 0.01 and index.manifest.outliers is None
    assert index.vector(0)[1].tolist() == pytest.approx([0.1, 0.01])  # never rounded to nothing
    assert "outliers" not in index.describe()


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_a_vector_has_the_same_scores_whatever_is_beside_it(tmp_path: Path, bits: int) -> None:
    vectors = random_vectors(300, 50)
    whole = build(tmp_path / "whole", vectors, None, bits)
    heavier = SparseVectors.from_rows([([7], [900.0])], ["heavy"], dim=50)
    parts = [vectors[:100], vectors[100:250], SparseVectors.concatenate([vectors[250:], heavier])]
    for number, part in enumerate(parts):
        index = build(tmp_path / str(number), part, whole.manifest.weight_scale, bits)
        assert (index.manifest.outliers is not None) == (number == 2)
        for terms, weights in (vectors.row(row) for row in range(0, 300, 30)):
            if len(terms):
                found = index.scores(terms, weights, range(len(part)))
                known = [row for row in range(len(part)) if part.ids[row] != "heavy"]
                rows = [whole.documents.row(part.ids[row]) for row in known]
                assert found[known].tolist() == whole.scores(terms, weights, rows).tolist()


def test_a_pruned_copy_keeps_a_step_that_none_of_its_weights_asks_for(tmp_path: Path) -> None:
    vectors = random_vectors(100, 50)
    for name, step in (("wide", 1.0), ("narrow", 0.001)):
        index = build(tmp_path / name, vectors, step)
        pruned = prune_index(index, tmp_path / f"pruned-{name}", TopK(3))
        assert pruned.manifest.weight_scale == step and pruned.manifest.outliers == index.manifest.outliers
        for row in range(100):
            before = dict(zip(*(part.tolist() for part in index.vector(row)), strict=True))
            after = dict(zip(*(part.tolist() for part in pruned.vector(row)), strict=True))
            assert after.items() <= before.items()


@pytest.mark.parametrize("step", [0, -1.0, math.nan, math.inf, 1e-40, 1e30, "0.5", True])
def test_steps_that_are_none(tmp_path: Path, step: Any) -> None:
    with pytest.raises(InputError, match="weight_scale"):
        IndexBuilder(tmp_path / "index", dim=4, weight_scale=step)
    assert not (tmp_path / "index").exists()


def test_weights_that_no_index_holds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the heaviest weight must lie in"):
        build(tmp_path / "index", of_rows([([0], [1e35])]), 1.0)
    assert not (tmp_path / "index").exists()

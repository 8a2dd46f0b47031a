"""Tunings: which one is chosen, and how they are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from index_oracle import random_vectors

from lsr.core.errors import IndexFormatError, InputError, OutputExistsError
from lsr.index import Index, IndexBuilder, Tuning, parameter_grid, store_tuning, verify
from lsr.index.engines.tuning import choose_tuning

Build = Callable[..., Index]
TUNING = Tuning(
    k=10,
    recall=0.95,
    mode="approximate",
    parameters={"cut": 0.2, "heap_factor": 0.9, "max_blocks": 3},
    measured_recall=0.961,
    mean_us=80.5,
    queries=500,
)


def test_the_fastest_that_serves_the_k_and_the_recall_is_chosen() -> None:
    better = replace(TUNING, recall=0.99, mean_us=120.0)
    deeper = replace(TUNING, k=100, mean_us=300.0)
    luckier = replace(TUNING, recall=0.98, mean_us=70.0)
    tunings = [deeper, better, TUNING]
    for k, recall, chosen in (
        (10, 0.95, TUNING),
        (10, 0.9, TUNING),
        (1, 0.951, better),
        (11, 0.5, deeper),
        (100, 0.95, deeper),
    ):
        assert choose_tuning(tunings, k, recall) is chosen
    assert choose_tuning([*tunings, luckier], 10, 0.95) is luckier
    there = "recall 0.95 at k 100, recall 0.99 at k 10, recall 0.95 at k 10"
    with pytest.raises(InputError, match=rf"not tuned for recall 0\.995 at k 20 \(it is for: {there}\)"):
        choose_tuning(tunings, 20, 0.995)
    with pytest.raises(InputError, match=r"it is for: nothing\); tune it for that .*, or leave recall out"):
        choose_tuning([], 10, 0.9)
    for recall in (0.0, -0.1, 1.01, float("nan")):
        with pytest.raises(InputError, match="recall must lie in"):
            choose_tuning(tunings, 10, recall)


def test_tunings_are_kept_with_the_index(build: Build) -> None:
    index = build(random_vectors(300, 50))
    with pytest.raises(InputError, match=r"not tuned for recall 0\.9"):
        index.search([1], [1.0], recall=0.9)
    for tuning in (TUNING, replace(TUNING, recall=0.99, mode="exact", parameters={}), replace(TUNING, mean_us=60.0)):
        store_tuning(index, tuning)
    assert index.sparse.tunings == () and index.manifest.tunings == []  # what is open never changes
    wanted = {(0.95, 60.0), (0.99, 80.5)}  # the third has taken the place of the first
    opened = Index.open(index.path)
    assert {(tuning.recall, tuning.mean_us) for tuning in opened.sparse.tunings} == wanted
    assert replace(TUNING, mean_us=60.0) in opened.sparse.tunings
    assert len(opened.describe()["tunings"]) == 2
    assert opened.manifest.created == index.manifest.created
    hits = opened.search([1, 2], [1.0, 1.0], recall=0.95)
    assert (hits.stats.mode, hits.stats.blocks - hits.stats.blocks_skipped) == ("approximate", 3)
    assert opened.search([1], [1.0], recall=0.96).stats.mode == "exact"
    assert opened.search_batch(random_vectors(2, 50), 5, recall=0.95)[0].stats.mode == "approximate"
    with pytest.raises(InputError, match="at k 11"):
        opened.search([1], [1.0], 11, recall=0.9)
    assert verify(index.path) == []
    assert opened.describe()["bytes"]["manifest"] == (index.path / "manifest.json").stat().st_size


def test_two_readers_store_tunings(build: Build) -> None:
    one = build(random_vectors(30, 50))
    other = Index.open(one.path)
    store_tuning(one, TUNING)
    store_tuning(other, replace(TUNING, k=20))
    assert {tuning.k for tuning in Index.open(one.path).sparse.tunings} == {10, 20}


def test_an_index_that_was_replaced_or_is_being_replaced_is_refused(build: Build) -> None:
    index = build(random_vectors(30, 50))
    with IndexBuilder(index.path, dim=50, force=True) as builder:
        builder.add(random_vectors(5, 50))
        with pytest.raises(OutputExistsError, match="another process"):
            store_tuning(index, TUNING)
        new = builder.finish()
    before = (index.path / "manifest.json").read_bytes()
    with pytest.raises(IndexFormatError, match="was replaced since it was opened"):
        store_tuning(index, TUNING)
    assert (index.path / "manifest.json").read_bytes() == before
    assert index.sparse.tunings == ()
    store_tuning(new, TUNING)
    assert Index.open(index.path).sparse.tunings == (TUNING,)


def test_a_tuning_that_is_no_json_changes_nothing(build: Build) -> None:
    index = build(random_vectors(30, 50))
    with pytest.raises(TypeError):
        store_tuning(index, replace(TUNING, parameters={"cut": object()}))
    assert Index.open(index.path).sparse.tunings == ()
    assert Index.open(index.path).describe()["tunings"] == []
    store_tuning(index, TUNING)
    assert verify(index.path) == []


def test_every_setting_of_the_grid_can_be_searched_with(build: Build) -> None:
    index = build(random_vectors(300, 50))
    grid = parameter_grid(index, 10)
    assert len(grid) > 10
    assert grid[-1] == {"mode": "exact"}
    assert len({tuple(sorted(parameters.items())) for parameters in grid}) == len(grid)
    for parameters in grid:
        assert len(index.search([1, 2], [1.0, 2.0], **parameters)) == 10

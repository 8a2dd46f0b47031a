"""The face of search: what it accepts and refuses, what `auto` chooses, batches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors

from lsr.core.errors import InputError
from lsr.index import BmpSettings, Index, IndexSettings, SearchStats, SeismicSettings
from lsr.index.engines.registry import ENGINES
from lsr.index.engines.scratch import QUERY_SIZES
from lsr.vectors.sparse import SparseVectors

Build = Callable[..., Index]


def test_hand_computed(build: Build) -> None:
    vectors = SparseVectors.from_rows([([0, 2], [1.0, 2.55]), ([1], [0.5]), ([], []), ([2], [2.55])], dim=3)
    index = build(vectors)
    assert index.manifest.weight_scale == pytest.approx(0.01)
    for mode in ("auto", "exact", "approximate", "exhaustive"):
        hits = index.search([0, 2], [2.0, 1.0], mode=mode)
        assert hits.rows.tolist() == [0, 3]
        assert hits.rows.dtype == np.int64
        assert hits.scores == pytest.approx([2 * 1.0 + 2.55, 2.55])
        assert hits.scores.dtype == np.float32
        assert hits.ids == ["0", "3"]
        assert list(hits) == [("0", hits.scores[0]), ("3", hits.scores[1])]
        assert mode != "exhaustive" or hits.stats.documents_scored == 4
    assert index.parts["terms"].documents.tolist() == [1, 1, 2]
    assert index.search([], []).ids == []


@pytest.mark.parametrize(
    ("terms", "weights", "options", "says"),
    [
        ([1], [1.0], {"k": 0}, "k must be at least 1"),
        ([40], [1.0], {}, "term id 40 is outside"),
        ([-1], [1.0], {}, "term ids must be integers"),
        ([1.5], [1.0], {}, "term ids must be integers"),
        ([2**32 + 1], [1.0], {}, "term ids must be integers"),
        ([1], [-1.0], {}, "weight -1.0 of term 1"),
        ([1], [0.0], {}, "weight 0.0 of term 1"),
        ([1], [float("nan")], {}, "weight nan of term 1"),
        ([1], [float("inf")], {}, "weight inf of term 1"),
        ([3, 3], [1.0, 1.0], {}, "term 3 occurs twice"),
        ([3, 2, 3], [1.0, 1.0, 1.0], {}, "term 3 occurs twice"),
        ([1, 2], [1.0], {}, "give one weight for each term id"),
        ([1], [1e-37], {}, "weight .* of term 1 is too small or too large"),
        ([1, 2], [4e37, 4e37], {}, "weight .* of term 2 is too small or too large"),
        ([1], [1.0], {"mode": "fast"}, "mode must be auto, exact, .*, not 'fast'"),
        ([1], [1.0], {"allow": np.ones(3, bool)}, "allow must be 100 bools or 13 packed bytes"),
        ([1], [1.0], {"allow": np.ones(13, bool)}, "allow must be"),
        ([1], [1.0], {"allow": np.ones(100, np.int64)}, "allow must be"),
        ([1], [1.0], {"mode": "exact", "cut": 0.1}, "'cut': is not a parameter of mode 'exact'"),
        (
            [1],
            [1.0],
            {"mode": "exhaustive", "heap_factor": 1.0},
            "'heap_factor': is not a parameter of mode 'exhaustive'",
        ),
        ([1], [1.0], {"query_cut": 3}, "'query_cut': is not a parameter of mode 'auto'"),
        (
            [1],
            [1.0],
            {"mode": "seismic"},
            "built without seismic, .* mode .exact, approximate, exhaustive.",
        ),
        ([1], [1.0], {"mode": "exact", "recall": 0.9}, "recall already chooses the mode"),
        ([1], [1.0], {"cut": 0.1, "recall": 0.9}, "recall already chooses the mode"),
    ],
)
def test_bad_queries(build: Build, terms: list, weights: list, options: dict[str, Any], says: str) -> None:
    index = build(random_vectors(100, 40))
    with pytest.raises(InputError, match=says):
        index.search(terms, weights, **options)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64, np.uint64])
def test_term_ids_of_any_integer_type_and_read_only_arrays(build: Build, dtype: type) -> None:
    index = build(random_vectors(100, 40))
    terms, weights = np.array([9, 2, 5], dtype), np.array([1.0, 0.5, 2.0])
    wanted = index.search([2, 5, 9], [0.5, 2.0, 1.0])
    terms.flags.writeable = weights.flags.writeable = False
    for hits in (index.search(terms, weights), index.search(np.repeat(terms, 2)[::2], np.repeat(weights, 2)[::2])):
        assert (hits.rows.tolist(), hits.scores.tolist()) == (wanted.rows.tolist(), wanted.scores.tolist())


@pytest.mark.parametrize("mode", ["auto", "exact", "approximate", "exhaustive", "seismic"])
def test_batch_equals_single_searches(build: Build, mode: str) -> None:
    index = build(random_vectors(400, 80), settings=IndexSettings(seismic=SeismicSettings()))
    queries = random_vectors(70, 80, 6, seed=4)
    allow = np.random.default_rng(0).random(400) < 0.5
    finished: list[int] = []
    batch = index.search_batch(queries, 5, mode=mode, threads=3, progress=finished.append, allow=allow)
    assert sum(finished) == len(batch) == 70
    for (_, terms, weights), hits in zip(queries, batch, strict=True):
        single = index.search(terms, weights, 5, mode=mode, allow=allow)
        assert hits.ids == single.ids
        assert hits.scores.tolist() == single.scores.tolist()
        assert hits.stats == single.stats


@pytest.mark.parametrize("mode", ["exact", "approximate"])
def test_batches_of_short_and_long_queries(build: Build, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Each is searched as if it were alone, whatever stands beside it and however large the parts are."""
    index = build(random_vectors(900, 400, 30))
    random = np.random.default_rng(2)
    lengths = [3, 100, 101, 0, 260, 7, 400, 1, 99, 5]
    rows = [(np.sort(random.choice(400, m, replace=False)), random.exponential(1.0, m) + 0.01) for m in lengths]
    queries = SparseVectors.from_rows(rows, dim=400)
    singles = [index.search(terms, weights, 7, mode=mode) for terms, weights in rows]
    for most_hits in (1, 7 * 3, 10**6):
        monkeypatch.setattr("lsr.index.live.sparse._BATCH_HITS", most_hits)
        batch = index.search_batch(queries, 7, mode=mode, threads=2)
        assert [hits.rows.tolist() for hits in batch] == [hits.rows.tolist() for hits in singles]
        assert [hits.scores.tolist() for hits in batch] == [hits.scores.tolist() for hits in singles]
        assert [hits.stats for hits in batch] == [hits.stats for hits in singles]


def test_a_bad_query_of_a_batch_is_named(build: Build) -> None:
    index = build(random_vectors(50, 40))
    queries = SparseVectors.from_rows([([1], [1.0]), ([2, 3], [1.0, 3e38]), ([4], [1.0])], dim=40)
    with pytest.raises(InputError, match="term 3 is too small or too large"):
        index.search_batch(queries)


def test_threads_share_an_index(build: Build) -> None:
    """Modes and lengths of queries, which take different scratch memory, mixed at random."""
    settings = IndexSettings(seismic=SeismicSettings(), bmp=BmpSettings(8))
    index = build(random_vectors(2000, 400, 20), settings=settings)
    random = np.random.default_rng(1)
    jobs = [
        (mode, np.sort(random.choice(400, m, replace=False)), random.exponential(1.0, m) + 0.01)
        for m in (1, 8, 100, 101, 256, 400)
        for mode in index.sparse.modes
        for _ in range(8)
    ]

    def run(job: int) -> tuple[list[int], list[float], SearchStats]:
        mode, terms, weights = jobs[job]
        hits = index.search(terms, weights, 10, mode=mode)
        return hits.rows.tolist(), hits.scores.tolist(), hits.stats

    alone = [run(job) for job in range(len(jobs))]
    order = random.permutation(np.repeat(np.arange(len(jobs)), 3)).tolist()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, order)) == [alone[job] for job in order]


def test_batches_pass_on_parameters_and_refuse_other_vocabularies(build: Build) -> None:
    index = build(random_vectors(400, 80))
    queries = random_vectors(20, 80, 6, seed=4)
    for hits in index.search_batch(queries, 5, mode="approximate", threads=1, max_blocks=1):
        assert hits.stats.blocks - hits.stats.blocks_skipped == 1
    assert index.search_batch(SparseVectors.empty(80)) == []
    with pytest.raises(InputError, match="these queries have 39"):
        index.search_batch(random_vectors(2, 39))
    with pytest.raises(InputError, match="cut"):
        index.search_batch(queries, mode="approximate", cut=2.0)


def test_auto_chooses_by_size_k_and_filter(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    index = build(random_vectors(200, 40))
    assert index.sparse.modes == ("exact", "approximate", "exhaustive")
    hits = index.search([1], [1.0], cut=0.1, max_blocks=1)  # of approximate search, and dropped by an exact one
    assert hits.stats.mode == "exact"
    assert hits.rows.tolist() == index.search([1], [1.0], mode="exhaustive").rows.tolist()

    monkeypatch.setattr("lsr.index.engines.choose.APPROXIMATE_FROM_DOCUMENTS", 200)
    hits = index.search([1], [1.0], max_blocks=1)
    assert hits.stats.mode == "approximate"
    assert hits.stats.blocks - hits.stats.blocks_skipped == 1
    assert index.search([1], [1.0], 100).stats.mode == "approximate"
    assert index.search([1], [1.0], 101).stats.mode == "exact"
    assert index.search([1], [1.0], allow=np.ones(200, bool)).stats.mode == "exact"
    assert index.sparse.choose_mode(10, filtered=False) == "approximate"
    with pytest.raises(InputError, match="'speed': is not a parameter of mode 'auto'"):
        index.search([1], [1.0], speed=3)


@pytest.mark.parametrize("dim", [1, 100, 300])
def test_warming_up_runs_every_engine_once_for_each_size(
    build: Build, dim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = build(random_vectors(50, dim, 3), settings=IndexSettings(seismic=SeismicSettings()))
    runs = []
    for engine in ENGINES.values():
        search = engine.search

        def noted(segment, queries, k, allowed, scratch, parameters, engine=engine, search=search):
            found = search(segment, queries, k, allowed, scratch, parameters)
            runs.append((engine.name, len(queries.terms), found[0][2].documents_scored))
            return found

        monkeypatch.setattr(engine, "search", noted, raising=False)
    index.sparse.warm_up()
    sizes = [min(size, dim) for size in QUERY_SIZES]
    there = ("exact", "approximate", "exhaustive", "direct", "seismic")
    assert [run[:2] for run in runs] == [(name, size) for name in there for size in sizes]
    # What would read the whole index is run on nothing.
    assert all((scored == 0) == (name in ("exhaustive", "direct")) for name, _, scored in runs)


def test_a_failed_search_leaves_no_traces(build: Build) -> None:
    """Searches share scratch memory; one that is refused late must not spoil it."""
    index = build(random_vectors(300, 60))
    wanted = index.search([1, 2, 3], [1.0, 1.0, 1.0])
    with pytest.raises(InputError):
        index.search([4, 5], [1.0, 1.0], mode="approximate", cut=-1.0)
    for _ in range(3):
        hits = index.search([1, 2, 3], [1.0, 1.0, 1.0])
        assert (hits.rows.tolist(), hits.scores.tolist()) == (wanted.rows.tolist(), wanted.scores.tolist())

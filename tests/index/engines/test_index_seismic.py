"""Seismic search, and its blocks. (That it finds the true best with safe settings: test_index_contract.py.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors
from index_tampering import edit_array

from lsr.core.errors import InputError
from lsr.index import Index, IndexSettings, SeismicSettings, verify

Build = Callable[..., Index]
SAFE = IndexSettings(seismic=SeismicSettings(n_postings=None, summary_energy=1.0))


def test_bounds_rule_blocks_out_and_many_searches_share_one_scratch(build: Build) -> None:
    """More searches than the set of visited documents has generations."""
    index = build(random_vectors(2000, 300, 20), settings=SAFE)
    queries = list(random_vectors(7, 300, 8, seed=5))
    skipped = 0
    for i in range(300):
        _, terms, weights = queries[i % 7]
        hits = index.search(terms, weights, 5, mode="seismic", query_cut=None, heap_factor=1.0)
        skipped += hits.stats.blocks_skipped
        assert hits.rows.tolist() == index.search(terms, weights, 5).rows.tolist()
    assert skipped > 0


def test_approximate_search_finds_most_and_skips_most(build: Build) -> None:
    vectors = random_vectors(4000, 400, 25, seed=6)
    index = build(vectors, settings=IndexSettings(seismic=SeismicSettings(n_postings=500)))
    found = wanted = seen = skipped = 0
    for _, terms, weights in random_vectors(40, 400, 12, seed=7):
        exact = index.search(terms, weights, mode="exhaustive")
        hits = index.search(terms, weights, mode="seismic", query_cut=8, heap_factor=0.8)
        assert hits.stats.mode == "seismic"
        assert hits.stats.documents_scored < len(index)
        found += len(set(hits.ids) & set(exact.ids))
        wanted += len(exact)
        seen += hits.stats.blocks
        skipped += hits.stats.blocks_skipped
        scores = dict(zip(exact.ids, exact.scores.tolist(), strict=True))
        assert all(scores.get(id, score) == score for id, score in hits)
    assert 0.5 < found / wanted <= 1
    assert skipped > seen / 4


@pytest.mark.parametrize("weight_bits", [8, 16, 24])
def test_blocks_hold_the_strongest_postings_and_summaries_their_maxima(build: Build, weight_bits: int) -> None:
    settings = IndexSettings(seismic=SeismicSettings(n_postings=100), weight_bits=weight_bits)
    index = build(random_vectors(800, 60, 15, seed=8), settings=settings)
    blocks, forward = index.parts["seismic"], index.segments[0].forward
    assert blocks is not None
    documents = np.zeros((800, 60), int)
    documents[np.repeat(np.arange(800), np.diff(forward.indptr)), forward.indices] = forward.weights
    long_lists = 0
    for term in range(60):
        standing = np.flatnonzero(documents[:, term])
        strongest = standing[np.argsort(-documents[standing, term], kind="stable")[:100]]
        first, last = blocks.indptr[term], blocks.indptr[term + 1]
        rows = blocks.rows[blocks.starts[first] : blocks.starts[last]]
        assert sorted(rows) == sorted(strongest)
        summaries = np.zeros((last - first, 60), int)
        begin = 0
        for i in range(blocks.summary_indptr[term], blocks.summary_indptr[term + 1]):
            entries = slice(blocks.entry_indptr[term] + begin, blocks.entry_indptr[term] + blocks.summary_ends[i])
            summaries[blocks.entry_blocks[entries], blocks.summary_terms[i]] = blocks.entry_weights[entries]
            begin = int(blocks.summary_ends[i])
        for block in range(first, last):
            if blocks.unbounded[block]:
                assert len(standing) <= 32
                continue
            long_lists += 1
            maxima = documents[blocks.rows[blocks.starts[block] : blocks.starts[block + 1]]].max(axis=0)
            summary = summaries[block - first]
            kept = summary > 0
            assert (summary[kept] == maxima[kept]).all()
            assert summary[kept].min() >= maxima[~kept].max()
            # No shorter prefix holds half of the mass.
            assert summary.sum() >= 0.5 * maxima.sum() > summary.sum() - summary[kept].min()
    assert long_lists > 50


def test_parameters(build: Build) -> None:
    index = build(random_vectors(200, 40), settings=SAFE)
    assert index.describe()["bytes"]["seismic"] > 0
    for bad in ({"query_cut": 0}, {"heap_factor": -0.1}, {"heap_factor": 1.1}, {"heap_factor": float("nan")}):
        with pytest.raises(InputError, match=next(iter(bad))):
            index.search([1], [1.0], mode="seismic", **bad)
    plain = build(random_vectors(200, 40))
    assert plain.describe()["bytes"]["seismic"] == 0
    with pytest.raises(InputError, match="built without seismic"):
        plain.search([1], [1.0], mode="seismic")


@pytest.mark.parametrize(
    "setting",
    [
        {"n_postings": 0},
        {"min_cluster_size": 0},
        {"doc_cut": 0},
        {"summary_energy": 0.0},
        {"summary_energy": float("nan")},
        {"centroid_fraction": 1.5},
    ],
)
def test_settings_are_checked(setting: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(setting))):
        SeismicSettings(**setting)


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("seismic_rows.npy", lambda a: a.__setitem__(0, 200), "not below 200"),
        ("seismic_starts.npy", lambda a: a.__setitem__(1, 10**9), "offsets do not ascend"),
        ("seismic_summary_terms.npy", lambda a: a.__setitem__(0, 40), "not below 40"),
        ("seismic_summary_ends.npy", lambda a: a.__setitem__(0, 10**9), "ends do not ascend"),
        ("seismic_entry_blocks.npy", lambda a: a.__setitem__(0, 60_000), "outside its list"),
        ("seismic_entry_weights.npy", lambda a: a.__setitem__(0, 0), "weight is zero"),
    ],
)
def test_verify_looks_inside(build: Build, file: str, change: Callable[[np.ndarray], None], says: str) -> None:
    index = build(random_vectors(200, 40), settings=SAFE)
    assert verify(index.path) == []
    edit_array(index, file, change)
    problems = verify(index.path)
    assert len(problems) == 1
    assert file in problems[0]
    assert says in problems[0]

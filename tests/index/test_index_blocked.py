"""Blocked search against exact search, and the blocks themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_oracle import brute_force, random_vectors
from index_tampering import edit_array

from lsr.errors import InputError
from lsr.index import Index, IndexBuilder, IndexSettings, verify
from lsr.vectors import SparseVectors

SAFE = IndexSettings(blocks=True, n_postings=None, summary_energy=1.0)
ALL = {"mode": "blocked", "query_cut": None, "heap_factor": 1.0}


def assert_same(index: Index, terms, weights, k, allow=None):
    exact = index.search(terms, weights, k, mode="exact", allow=allow)
    hits = index.search(terms, weights, k, allow=allow, **ALL)
    assert hits.rows.tolist() == exact.rows.tolist()
    assert hits.scores.tolist() == exact.scores.tolist()
    return hits


@pytest.fixture(scope="module")
def safe(tmp_path_factory) -> Index:
    path = tmp_path_factory.mktemp("safe") / "index"
    with IndexBuilder(path, dim=300, settings=SAFE) as builder:
        builder.add(random_vectors(3000, 300, 20))
        return builder.finish()


@pytest.mark.parametrize("k", [1, 10, 100, 5000])
def test_safe_settings_equal_exact_search(safe, k):
    skipped = 0
    for _, terms, weights in random_vectors(30, 300, 8, seed=1):
        skipped += assert_same(safe, terms, weights, k).stats.blocks_skipped
    assert (skipped > 0) == (k <= 100)


def test_safe_settings_equal_brute_force(safe):
    _, terms, weights = next(iter(random_vectors(1, 300, 8, seed=2)))
    hits = safe.search(terms, weights, 20, **ALL)
    assert (hits.rows.tolist(), hits.scores.tolist()) == brute_force(safe, terms, weights, 20)


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0])
def test_filter(safe, share):
    mask = np.random.default_rng(3).random(len(safe)) < share
    for _, terms, weights in random_vectors(10, 300, 8, seed=4):
        hits = assert_same(safe, terms, weights, 10, mask)
        assert mask[hits.rows].all()


def test_many_searches_share_one_scratch(safe):
    """More searches than the visited set has generations."""
    queries = list(random_vectors(7, 300, 8, seed=5))
    for i in range(300):
        _, terms, weights = queries[i % 7]
        assert_same(safe, terms, weights, 5)


weight = st.sampled_from([0.5, 1.0, 2.0]) | st.floats(2**-7, 3, width=32)
vector = st.dictionaries(st.integers(0, 11), weight, max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(vector, min_size=1, max_size=120),
    query=vector,
    k=st.integers(1, 150),
    fraction=st.sampled_from([0.05, 0.3, 1.0]),
    data=st.data(),
)
def test_any_collection(tmp_path_factory, rows, query, k, fraction, data):
    """Ties, empty documents, empty and one-term queries, k over the corpus, filters."""
    build_settings = IndexSettings(blocks=True, n_postings=None, summary_energy=1.0, centroid_fraction=fraction)
    vectors = SparseVectors.from_rows([(sorted(row), [row[term] for term in sorted(row)]) for row in rows], dim=12)
    with IndexBuilder(tmp_path_factory.mktemp("any") / "index", dim=12, settings=build_settings) as builder:
        builder.add(vectors)
        index = builder.finish()
    allow = data.draw(st.none() | st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)).map(np.array))
    hits = assert_same(index, list(query), list(query.values()), k, allow)
    terms = np.array(sorted(query), np.uint32)
    rows_found, scores = brute_force(index, terms, np.array([query[t] for t in sorted(query)]), k, allow)
    assert (hits.rows.tolist(), hits.scores.tolist()) == (rows_found, scores)


def test_approximate_search_finds_most_and_skips_most(build):
    vectors = random_vectors(4000, 400, 25, seed=6)
    index = build(vectors, settings=IndexSettings(blocks=True, n_postings=500))
    found = wanted = seen = skipped = 0
    for _, terms, weights in random_vectors(40, 400, 12, seed=7):
        exact = index.search(terms, weights, mode="exact")
        hits = index.search(terms, weights, mode="blocked", query_cut=8, heap_factor=0.8)
        assert hits.stats.mode == "blocked"
        assert hits.stats.documents_scored < len(index)
        found += len(set(hits.ids) & set(exact.ids))
        wanted += len(exact)
        seen += hits.stats.blocks
        skipped += hits.stats.blocks_skipped
        scores = dict(zip(exact.ids, exact.scores.tolist(), strict=True))
        assert all(scores.get(id, score) == score for id, score in hits)
    assert 0.5 < found / wanted <= 1
    assert skipped > seen / 4


def test_blocks_hold_the_strongest_postings_and_summaries_their_maxima(build):
    index = build(random_vectors(800, 60, 15, seed=8), settings=IndexSettings(blocks=True, n_postings=100))
    blocks, lists, forward = index._segment.blocks, index._segment.inverted, index._segment.forward
    long_lists = 0
    for term in range(60):
        start, stop = lists.indptr[term], lists.indptr[term + 1]
        order = np.lexsort((lists.indices[start:stop], -lists.weights[start:stop].astype(int)))[:100]
        first, last = blocks.indptr[term], blocks.indptr[term + 1]
        rows = blocks.rows[blocks.starts[first] : blocks.starts[last]]
        assert sorted(rows) == sorted(lists.indices[start:stop][order])
        summaries = np.zeros((last - first, 60), int)
        begin = 0
        for i in range(blocks.summary_indptr[term], blocks.summary_indptr[term + 1]):
            entries = slice(blocks.entry_indptr[term] + begin, blocks.entry_indptr[term] + blocks.summary_ends[i])
            summaries[blocks.entry_blocks[entries], blocks.summary_terms[i]] = blocks.entry_weights[entries]
            begin = int(blocks.summary_ends[i])
        for block in range(first, last):
            if blocks.unbounded[block]:
                assert stop - start <= 32
                continue
            long_lists += 1
            maxima = np.zeros(60, int)
            for row in blocks.rows[blocks.starts[block] : blocks.starts[block + 1]]:
                pairs = slice(forward.indptr[row], forward.indptr[row + 1])
                maxima[forward.indices[pairs]] = np.maximum(maxima[forward.indices[pairs]], forward.weights[pairs])
            summary = summaries[block - first]
            kept = summary > 0
            assert (summary[kept] == maxima[kept]).all()
            assert summary[kept].min() >= maxima[~kept].max()
            # No shorter prefix holds half of the mass.
            assert summary.sum() >= 0.5 * maxima.sum() > summary.sum() - summary[kept].min()
    assert long_lists > 50


def test_same_bytes_whatever_the_threads(tmp_path, monkeypatch):
    monkeypatch.setattr("lsr.index.blocks._PART_POSTINGS", 1000)
    checksums = {}
    for name, threads, seed in (("one", 1, 0), ("three", 3, 0), ("other", 3, 1)):
        build_settings = IndexSettings(blocks=True, seed=seed)
        with IndexBuilder(tmp_path / name, dim=200, settings=build_settings) as builder:
            builder.add(random_vectors(1500, 200))
            finished: list[int] = []
            index = builder.finish(progress=finished.append, threads=threads)
        assert sum(finished) == 1500
        checksums[name] = {file: record.crc32 for file, record in index.manifest.files.items()}
    assert checksums["one"] == checksums["three"]
    assert checksums["one"]["block_rows.npy"] != checksums["other"]["block_rows.npy"]
    assert [path.name for path in tmp_path.rglob("sketch*")] == []


def test_modes_and_parameters(build, monkeypatch):
    vectors = random_vectors(200, 40)
    plain = build(vectors, settings=IndexSettings())
    assert plain.space()["blocks"] == 0
    with pytest.raises(InputError, match="no blocks"):
        plain.search([1], [1.0], mode="blocked")
    with pytest.raises(InputError, match="query_cut is no parameter of mode exact"):
        plain.search([1], [1.0], mode="exact", query_cut=3)
    with pytest.raises(InputError, match="speed is no parameter of mode auto"):
        plain.search([1], [1.0], speed=3)
    assert plain.search([1], [1.0], query_cut=3).stats.mode == "exact"

    for module in ("reader", "settings"):
        monkeypatch.setattr(f"lsr.index.{module}.BLOCKED_FROM_DOCUMENTS", 200)
    index = build(vectors, settings=IndexSettings())
    assert index.space()["blocks"] > 0
    assert index.search([1], [1.0]).stats.mode == "blocked"
    assert index.search([1], [1.0], 101).stats.mode == "exact"
    assert index.search([1], [1.0], allow=np.ones(200, bool)).stats.mode == "exact"
    for bad in ({"query_cut": 0}, {"heap_factor": -0.1}, {"heap_factor": 1.1}, {"heap_factor": float("nan")}):
        with pytest.raises(InputError, match=next(iter(bad))):
            index.search([1], [1.0], mode="blocked", **bad)
    index.warm_up()
    queries = random_vectors(20, 40, seed=3)
    batch = index.search_batch(queries, 3, mode="blocked", threads=2, heap_factor=0.5)
    single = [index.search(*queries.row(i), 3, mode="blocked", heap_factor=0.5) for i in range(20)]
    assert [hits.ids for hits in batch] == [hits.ids for hits in single]


@pytest.mark.parametrize("dim", [70_000, 250_000])
def test_large_vocabulary_and_a_document_of_70_000_terms(build, dim):
    random = np.random.default_rng(0)
    long = np.sort(random.choice(dim, 70_000, replace=False)).astype(np.uint32)
    rows = [(long, random.random(len(long)) + 0.1)]
    rows += [(np.sort(random.choice(long[:200], 20, replace=False)), random.random(20) + 0.1) for _ in range(400)]
    index = build(SparseVectors.from_rows(rows, dim=dim), settings=SAFE)
    assert verify(index.path) == []
    assert_same(index, long[50:60], np.ones(10), 10)
    assert assert_same(index, long, np.ones(len(long)), 3).rows[0] == 0
    assert index.space()["blocks"] < 20 * index.space()["forward"]


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("block_rows.npy", lambda a: a.__setitem__(0, 200), "not below 200"),
        ("block_starts.npy", lambda a: a.__setitem__(1, 10**9), "offsets do not ascend"),
        ("block_summary_terms.npy", lambda a: a.__setitem__(0, 40), "not below 40"),
        ("block_summary_ends.npy", lambda a: a.__setitem__(0, 10**9), "ends do not ascend"),
        ("block_entry_blocks.npy", lambda a: a.__setitem__(0, 60_000), "outside its list"),
        ("block_entry_weights.npy", lambda a: a.__setitem__(0, 0), "weight is zero"),
    ],
)
def test_verify_looks_inside(build, file, change, says):
    index = build(random_vectors(200, 40), settings=SAFE)
    assert verify(index.path) == []
    edit_array(index, file, change)
    problems = verify(index.path)
    assert len(problems) == 1
    assert file in problems[0]
    assert says in problems[0]


def test_nothing_but_empty_documents(build):
    index = build(SparseVectors.from_rows([([], []), ([], [])], dim=5), settings=SAFE)
    assert len(index.search([1], [1.0], mode="blocked")) == 0
    assert len(index.search([1], [1.0], mode="exact")) == 0
    assert verify(index.path) == []
    with IndexBuilder(index.path, dim=5, settings=SAFE, force=True) as builder:
        builder.add(SparseVectors.from_rows([([], [])] * 3, dim=5))
        finished: list[int] = []
        builder.finish(progress=finished.append)
    assert sum(finished) == 3

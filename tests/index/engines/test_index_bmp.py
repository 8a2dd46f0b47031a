"""Block-Max Pruning: its blocks, its parameters, and its answers beside brute force and the authors' package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_oracle import Oracle, random_vectors
from index_tampering import edit_array
from numba import types

import lsr.index.parts.bmp.blocks
import lsr.index.parts.summaries.blocks
from lsr.core.errors import InputError
from lsr.index import BmpSettings, Hits, Index, IndexBuilder, IndexSettings, verify
from lsr.index.engines.bmp.kernel import search_bmp
from lsr.index.parts.bmp.blocks import LEVELS
from lsr.index.parts.summaries.blocks import Summaries
from lsr.vectors.sparse import SparseVectors


def build(folder: Path, vectors: SparseVectors, block_size: int = 8, threads: int = 1, **options: Any) -> Index:
    chosen = IndexSettings(bmp=BmpSettings(block_size), **options)
    with IndexBuilder(folder / "index", dim=vectors.dim, settings=chosen, force=True) as builder:
        builder.add(vectors)
        return builder.finish(threads=threads)


def found(hits: Hits) -> tuple[list[int], list[float]]:
    assert hits.stats.mode == "bmp"
    return hits.rows.tolist(), hits.scores.tolist()


VECTORS = random_vectors(3000, 300, 20)
QUERIES = [(terms, weights) for _, terms, weights in random_vectors(20, 300, 8, seed=1)]
QUERIES += [([], []), ([0], [1.0]), ([299], [0.1]), (np.arange(300), np.linspace(0.1, 2, 300))]


@pytest.fixture(scope="module", params=[8, 16, 24])
def bits(request) -> int:
    return request.param


@pytest.fixture(scope="module")
def index(bits, tmp_path_factory) -> Index:
    return build(tmp_path_factory.mktemp("bmp"), VECTORS, weight_bits=bits)


@pytest.fixture(scope="module")
def oracle(bits) -> Oracle:
    return Oracle.of(VECTORS, bits)


# -- exact search ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 7, 10, 100, 1000, 1001, 5000])
def test_exact_by_default(index, oracle, k):
    skipped = 0
    for terms, weights in QUERIES:
        hits = index.search(terms, weights, k, mode="bmp")
        assert found(hits) == oracle.search(terms, weights, k)
        skipped += hits.stats.blocks_skipped
    assert skipped > 0


@pytest.mark.parametrize("share", [0.5, 0.1, 0.001, 0.0])
def test_exact_under_a_filter(index, oracle, share):
    mask = np.random.default_rng(2).random(len(index)) < share
    for terms, weights in QUERIES:
        assert found(index.search(terms, weights, 10, mode="bmp", allow=mask)) == oracle.search(
            terms, weights, 10, mask
        )


weight = st.sampled_from([0.5, 1.0, 2.0]) | st.floats(2**-7, 3, width=32)
vector = st.dictionaries(st.integers(0, 11), weight, max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(vector, min_size=1, max_size=120),
    query=vector,
    k=st.integers(1, 150),
    block_size=st.sampled_from([1, 3, 16, 256]),
    bits=st.sampled_from([8, 16]),
    data=st.data(),
)
def test_any_collection(tmp_path_factory, rows, query, k, block_size, bits, data):
    """Ties, empty documents, empty and one-term queries, k over the corpus, filters."""
    vectors = SparseVectors.from_rows(
        [tuple(zip(*sorted(row.items()), strict=True)) or ([], []) for row in rows], dim=12
    )
    index = build(tmp_path_factory.mktemp("any"), vectors, block_size, weight_bits=bits)
    oracle = Oracle.of(vectors, bits)
    terms, weights = list(query), list(query.values())
    assert found(index.search(terms, weights, k, mode="bmp")) == oracle.search(terms, weights, k)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), np.bool_)
    assert found(index.search(terms, weights, k, mode="bmp", allow=mask)) == oracle.search(terms, weights, k, mask)


def test_several_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(lsr.index.parts.summaries.blocks, "MOST_WINDOW_BLOCKS", 1)
    vectors = random_vectors(800, 60, 10, seed=3, levels=3)
    index, oracle = build(tmp_path, vectors, 2, frequent_share=0.4), Oracle.of(vectors)
    summaries = index.parts["bmp"].summaries
    assert summaries.blocks > 2 * summaries.window
    assert len(summaries.frequent_weights)
    assert len(summaries.list_blocks)
    for _, terms, weights in random_vectors(20, 60, 6, seed=4):
        for k in (1, 10, 900):
            assert found(index.search(terms, weights, k, mode="bmp")) == oracle.search(terms, weights, k)


def test_second_byte_of_a_weight(tmp_path):
    """A weight of 9.01 is stored as 10 less a fraction: 10 would rule out the better document."""
    rows = [([0], [9.01]), ([0, 1], [9.0, 1.0]), ([2], [255.0])]
    index = build(tmp_path, SparseVectors.from_rows(rows, dim=3), 1, weight_bits=16, reorder=False)
    assert found(index.search([0, 1], [1.0, 0.5], 1, mode="bmp")) == ([1], [9.5])


# -- what it keeps ---------------------------------------------------------------------------------------------------


def matrix(summaries: Summaries) -> npt.NDArray[np.uint8]:
    """The block maxima, [dim, blocks]."""
    dim = len(summaries.term_maxima)
    maxima = np.zeros((dim, summaries.padded_blocks), np.uint8)
    frequent = summaries.frequent_numbers >= 0
    maxima[frequent] = summaries.frequent_weights[summaries.frequent_numbers[frequent]]
    for number, first in enumerate(range(0, summaries.blocks, summaries.window)):
        for term in range(dim):
            part = slice(*summaries.list_starts[number * dim + term : number * dim + term + 2])
            maxima[term, first + summaries.list_blocks[part].astype(int)] = summaries.list_weights[part]
    assert not maxima[:, summaries.blocks :].any()
    return maxima[:, : summaries.blocks]


def test_block_maxima(tmp_path):
    rows = [([0, 1], [3, 9]), ([0], [7]), ([1, 2], [255, 4]), ([], []), ([2], [5])]
    index = build(tmp_path, SparseVectors.from_rows(rows, dim=4), 2, reorder=False, frequent_share=0.5)
    summaries = index.parts["bmp"].summaries
    assert matrix(summaries).tolist() == [[7, 0, 0], [9, 255, 0], [0, 4, 5], [0, 0, 0]]
    assert np.flatnonzero(summaries.frequent_numbers >= 0).tolist() == [1, 2]
    assert summaries.term_maxima.tolist() == [7, 255, 5, 0]


def test_largest_weights(tmp_path, monkeypatch):
    """Counted in parts, of terms and of postings."""
    monkeypatch.setattr(lsr.index.parts.bmp.blocks, "_COUNT_TERMS", 7)
    monkeypatch.setattr(lsr.index.parts.bmp.blocks, "_COUNT_AT_A_TIME", 1000)
    vectors = random_vectors(2500, 30, 10, seed=5, levels=2)
    segment = build(tmp_path, vectors).segments[0]
    expected = np.zeros((len(LEVELS), 30), int)
    for term in range(30):
        weights = np.sort(segment.forward.weights[segment.forward.indices == term])[::-1]
        for number, k in enumerate(LEVELS):
            expected[number, term] = weights[k - 1] if len(weights) >= k else 0
    assert expected[-1].any()
    assert not expected[-1].all()
    blocks = segment.part("bmp")
    assert blocks.kth_weights.reshape(len(LEVELS), 30).tolist() == expected.tolist()
    assert blocks.reached_by(10).tolist() == expected[1].tolist()
    assert blocks.reached_by(11).tolist() == expected[2].tolist()
    assert blocks.reached_by(1001).tolist() == []


def test_same_bytes_whatever_the_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(lsr.index.parts.summaries.blocks, "MOST_WINDOW_BLOCKS", 1)
    files = [build(tmp_path, VECTORS, 2, threads).manifest.segments[0].files for threads in (1, 3)]
    assert files[0] == files[1]
    assert sum(name.startswith("bmp_") for name in files[0]) == 7


def test_recorded(tmp_path):
    index = build(tmp_path, random_vectors(50, 20, 5), 5)
    assert index.segments[0].record.settings.bmp == BmpSettings(5)
    assert index.parts["bmp"].summaries.blocks == 10
    assert "bmp" in index.sparse.modes
    assert index.describe()["bytes"]["bmp"] == sum(
        record.bytes for name, record in index.manifest.segments[0].files.items() if name.startswith("bmp_")
    )


def test_compiled_once_for_each_kind_of_index_and_query(index):
    """All widths of weights, with queries of up to 255 terms and longer ones."""
    for mask in (None, np.ones(len(index), np.bool_)):
        for k, beta in ((1, 1), (10, 0.5), (2000, 1.0)):
            for terms in ([1, 2], np.arange(300)):
                index.search(terms, np.ones(len(terms)), k, mode="bmp", allow=mask, alpha=1, beta=beta)
    narrow = [signature for signature in search_bmp.signatures if signature[1].dtype == types.uint16]
    assert 2 <= len(narrow) <= 6


@pytest.mark.parametrize("name", ["kth_weights", "list_blocks", "dense_terms"])
def test_verify_names_what_is_damaged(tmp_path, name):
    index = build(tmp_path, VECTORS)
    assert verify(index.path) == []
    edit_array(index, f"bmp_{name}.npy", lambda values: values.fill(np.iinfo(values.dtype).max))
    assert any(f"bmp_{name}.npy" in problem for problem in verify(index.path))


# -- alpha and beta --------------------------------------------------------------------------------------------------


def test_alpha_is_compared_with_the_bound(tmp_path):
    """The first block promises 200 and holds 100, the second promises and holds 120: 100 is 0.833 of that."""
    rows = [([0], [100]), ([1], [100]), ([0, 1], [80, 40]), ([2], [255])]
    index = build(tmp_path, SparseVectors.from_rows(rows, dim=3), 2, reorder=False)
    for alpha, row in ((1.0, 2), (0.84, 2), (0.82, 0), (0.5, 0)):
        hits = index.search([0, 1], [1.0, 1.0], 1, mode="bmp", alpha=alpha)
        assert hits.rows.tolist() == [row]
        assert hits.stats.blocks_skipped == (row == 0)


@pytest.mark.parametrize("k", [10, 100])
def test_smaller_alpha_visits_less_and_never_falls_short(index, oracle, k):
    queries = [(terms, weights) for terms, weights in QUERIES if len(terms)]
    work = []
    for alpha in (1.0, 0.8, 0.6, 0.01):
        work.append(0)
        for terms, weights in queries:
            hits = index.search(terms, weights, k, mode="bmp", alpha=alpha)
            scores = oracle.scores(terms, weights)
            assert len(hits) == min(k, np.count_nonzero(scores))
            assert hits.scores.tolist() == scores[hits.rows].tolist()
            work[-1] += hits.stats.documents_scored
    assert work == sorted(work, reverse=True)
    assert len(set(work)) == 4


@pytest.mark.parametrize(("beta", "kept"), [(1.0, 10), (0.95, 10), (0.5, 5), (0.41, 5), (0.3, 3), (0.01, 1)])
def test_beta_keeps_the_heaviest_terms(index, oracle, beta, kept):
    """Of equal weights the lower terms."""
    terms, weights = np.arange(10, 20), np.array([1, 3, 2, 3, 1, 5, 2, 4, 1, 1])
    heaviest = [5, 7, 1, 3, 2, 6, 0, 4, 8, 9][:kept]
    hits = index.search(terms, weights, 10, mode="bmp", beta=beta)
    assert found(hits) == oracle.search(terms[heaviest], weights[heaviest], 10)
    whole = index.search(terms, weights, 10, mode="bmp").stats
    work = hits.stats.postings + hits.stats.frequent_cells
    assert (work < whole.postings + whole.frequent_cells) == (kept < 10)


# -- beside the authors' package -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authors(tmp_path_factory) -> Any:
    """Their searcher, over documents of whole weights in blocks of 8, and ours."""
    bmp = pytest.importorskip("bmp")
    folder = tmp_path_factory.mktemp("authors")
    vectors = random_vectors(3000, 300, 20, seed=7, levels=255)
    indexer = bmp.Indexer(str(folder / "theirs"), bsize=8, compress_range=False)
    for row, (_, terms, weights) in enumerate(vectors):
        indexer.add_document(str(row), dict(zip(map(str, terms.tolist()), map(int, weights), strict=True)))
    indexer.finish()
    return bmp.Searcher(str(folder / "theirs")), build(folder, vectors, reorder=False)


@pytest.mark.parametrize("beta", [1.0, 0.6])
@pytest.mark.parametrize("k", [10, 100])
def test_finds_what_the_authors_package_finds(authors, k, beta):
    """Theirs takes query weights up to 32, for which nothing is rounded; of 25 terms a beta of 0.6 keeps 16."""
    theirs, ours = authors
    random = np.random.default_rng(8)
    for size in [3, 4, 5, 6, 25] * 4:
        terms = random.choice(60, size, replace=False)
        weights = np.concatenate([[32], random.choice(np.arange(1, 32), size - 1, replace=False)])
        query = dict(zip(map(str, terms.tolist()), weights.tolist(), strict=True))
        ids, scores = theirs.search(query, k, 1.0, beta)
        hits = ours.search(terms, weights, k, mode="bmp", beta=beta)
        assert hits.scores.tolist() == scores
        # Of equal scores at the end, either may be meant.
        sure = np.count_nonzero(hits.scores > hits.scores[-1])
        assert set(hits.rows[:sure].tolist()) == set(map(int, ids[:sure]))


# -- what a user can get wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alpha", "beta"])
@pytest.mark.parametrize("value", [0, -0.5, 1.01, float("nan"), float("inf")])
def test_parameters_out_of_range(index, name, value):
    with pytest.raises(InputError, match=rf"{name}.* must (lie in \(0, 1\]|be a number)"):
        index.search([0], [1.0], mode="bmp", **{name: value})


@pytest.mark.parametrize("size", [0, 257])
def test_block_size_out_of_range(size):
    with pytest.raises(InputError, match="block_size must lie in 1 … 256"):
        BmpSettings(size)


def test_index_built_without(tmp_path):
    with IndexBuilder(tmp_path / "index", dim=300) as builder:
        builder.add(VECTORS[:10])
        index = builder.finish()
    assert "bmp" not in index.sparse.modes
    assert index.describe()["bytes"]["bmp"] == 0
    with pytest.raises(InputError, match="built without bmp"):
        index.search([0], [1.0], mode="bmp")

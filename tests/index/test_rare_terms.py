"""Rare terms share columns: what an index keeps by term stays small, and every score and hit what it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import Oracle
from index_tampering import edit_array, edit_manifest
from rare_collection import DIM, FIRST, MODES, VECTORS, build, made, queries

from lsr.core.errors import IndexFormatError, InputError
from lsr.index import Index, IndexBuilder, add_dense, verify
from lsr.index.build.export import iter_vectors, terms_of
from lsr.index.build.prune import prune_index
from lsr.index.engines.blocks.kernel import search_blocks
from lsr.index.engines.bmp.kernel import search_bmp
from lsr.index.engines.direct.kernel import score_each
from lsr.index.engines.exhaustive.kernel import search_all
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.queries import in_shared_columns
from lsr.index.engines.seismic.kernel import search_seismic
from lsr.index.format.columns import COLUMNS, SHARED, SharedColumns
from lsr.index.fusion.fuse import fuse
from lsr.vectors.pruning import TopK
from lsr.vectors.sparse import SparseVectors


@pytest.fixture(scope="module", params=[8, 16, 24])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build(tmp_path_factory.mktemp("rare") / "index", VECTORS, weight_bits=request.param)


@pytest.fixture(scope="module")
def oracle(index: Index) -> Oracle:
    return Oracle.of(VECTORS, index.segments[0].record.settings.weight_bits)


def test_terms_take_two_bytes_and_tables_go_by_columns(index: Index) -> None:
    segment = index.segments[0]
    assert index.dim == DIM and segment.record.dim == COLUMNS and segment.forward.indices.dtype == np.uint16
    assert np.diff(segment.forward.indptr).max() > 30 and (np.diff(segment.rare_terms.indptr) > 2).any()
    assert verify(index.path) == []
    # Several terms of one column in one document, which is what this is about.
    columns = segment.forward.indices.astype(np.int64)
    inside = np.repeat(np.arange(len(VECTORS)), np.diff(segment.forward.indptr))
    assert ((columns[1:] == columns[:-1]) & (inside[1:] == inside[:-1])).sum() > 100


@pytest.mark.parametrize("terms", [1, 5, 40, 250, 257, 1000])
def test_a_query_alone_goes_by_the_columns_that_it_has_among_others(terms: int) -> None:
    random, columns = np.random.default_rng(terms), SharedColumns.of(300_000)
    assert columns is not None
    # Neighbours in one column, as well as any others.
    near = columns.first + 5 + columns.shared * np.arange(columns.most_turns - 1)
    for most in (columns.first, columns.first + 40_000, columns.terms):
        ids = np.unique(np.concatenate([random.integers(0, most, terms), near[:terms]]))[-terms:].astype(np.uint32)
        weights = random.random(len(ids)).astype(np.float32)
        alone = in_shared_columns(PreparedQueries(np.array([0, len(ids)]), ids, weights), columns)
        twice = PreparedQueries(np.array([0, len(ids), 2 * len(ids)]), np.tile(ids, 2), np.tile(weights, 2))
        for query in in_shared_columns(twice, columns):
            for found, expected in zip(next(iter(alone)), query, strict=True):
                assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_finds_the_true_best_to_the_bit(index: Index, oracle: Oracle, mode: str) -> None:
    mask = np.random.default_rng(3).random(len(VECTORS)) < 0.3
    few = np.arange(len(VECTORS)) % 500 == 7
    for terms, weights in queries():
        for k in (1, 10, 2000):
            for allow in (None, mask, few):
                hits = index.search(terms, weights, k, mode=mode, allow=allow, **MODES[mode])
                assert (hits.rows.tolist(), hits.scores.tolist()) == oracle.search(terms, weights, k, allow)


def test_scores_and_batches_and_completion_are_the_same(index: Index, oracle: Oracle) -> None:
    asked = [(np.asarray(terms), np.asarray(weights)) for terms, weights in queries()]
    batch = SparseVectors.from_rows([(np.sort(terms), weights[np.argsort(terms)]) for terms, weights in asked], dim=DIM)
    rows = np.arange(len(VECTORS))
    found = index.search_batch(batch, 20, threads=1)
    dense = add_dense(index, [np.ones((len(VECTORS), 2), np.float32)], force=True)
    for (terms, weights), hits in zip(asked, found, strict=True):
        wanted = oracle.scores(terms, weights)
        assert (index.scores(terms, weights, rows) == wanted).all()
        assert (hits.rows.tolist(), hits.scores.tolist()) == oracle.search(terms, weights, 20)
        ranked = (rows, np.zeros(len(rows), np.float32))
        none = (rows[:0], np.zeros(0, np.float32))
        complete = (dense.sparse.prepare(terms, weights), np.ones(2, np.float32))
        fused = fuse(dense, none, ranked, (1.0, 0.0), None, absent=(1e9, 0.0), complete=complete)
        if len(terms):
            assert fused.side_scores[0].tolist() == wanted[fused.rows].tolist()


def test_parameters_that_leave_out_terms_work(index: Index) -> None:
    for terms, weights in queries():
        for mode, parameters in (("bmp", {"beta": 0.5}), ("seismic", {}), ("approximate", {"cut": 0.5})):
            hits = index.search(terms, weights, 10, mode=mode, **parameters)
            if parameters != {"beta": 0.5}:
                assert (hits.scores == index.scores(terms, weights, hits.rows)).all()


def test_a_query_of_all_terms(index: Index, oracle: Oracle) -> None:
    weights = np.random.default_rng(6).random(DIM).astype(np.float32) + 0.01
    expected = oracle.search(np.arange(DIM), weights, 5)
    for mode in MODES:
        hits = index.search(np.arange(DIM), weights, 5, mode=mode, **MODES[mode])
        assert (hits.rows.tolist(), hits.scores.tolist()) == expected


def test_vectors_and_counts_are_given_back_by_term(index: Index, tmp_path: Path) -> None:
    for row in range(0, len(VECTORS), 37):
        assert index.vector(row)[0].tolist() == VECTORS.row(row)[0].tolist()
    exported = SparseVectors.concatenate(list(iter_vectors(index, 333)))
    assert exported.dim == DIM and exported.indices.tolist() == VECTORS.indices.tolist()
    assert np.abs(exported.weights - VECTORS.weights).max() <= index.manifest.weight_scale
    for row in range(0, len(VECTORS), 37):
        assert index.vector(row)[1].tolist() == exported.row(row)[1].tolist()
    counted = np.bincount(VECTORS.indices, minlength=DIM)
    assert index.parts["terms"].documents.tolist() == counted.tolist()
    assert len(terms_of(index)) == DIM
    assert [batch.indices.max() for batch in iter_vectors(index, columns=True)] == [VECTORS.indices.max()]


def test_pruning_keeps_the_layout_and_the_weights(index: Index, tmp_path: Path) -> None:
    pruned = prune_index(index, tmp_path / "pruned", TopK(20))
    assert pruned.segments[0].record.shared == index.segments[0].record.shared and verify(pruned.path) == []
    for row in range(0, len(VECTORS), 61):
        before = dict(zip(*(part.tolist() for part in index.vector(row)), strict=True))
        after = dict(zip(*(part.tolist() for part in pruned.vector(row)), strict=True))
        assert len(after) == min(20, len(before)) and after.items() <= before.items()


def test_few_terms_are_kept_as_ever(tmp_path: Path) -> None:
    vectors = SparseVectors.from_rows([([1, 5, COLUMNS - 1], [1.0, 2.0, 0.5])], dim=COLUMNS)
    index = build(tmp_path / "index", vectors)
    assert "rare_terms" not in index.parts and index.manifest.segments[0].shared_from is None
    assert "shared_from" not in (index.path / "manifest.json").read_text()


def test_more_terms_than_can_be_told_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most 1,073,790,976 terms"):
        IndexBuilder(tmp_path / "index", dim=2**31, rare_last=True)
    assert SharedColumns.of(1_073_790_976) is not None


def test_blank_documents_and_one_document(tmp_path: Path) -> None:
    vectors = SparseVectors.from_rows([([], []), ([DIM - 1], [2.0]), ([], [])], dim=DIM)
    index = build(tmp_path / "index", vectors)
    assert verify(index.path) == [] and index.vector(0)[0].tolist() == []
    for mode in MODES:
        assert index.search([DIM - 1, DIM - 2], [1, 1], mode=mode, **MODES[mode]).rows.tolist() == [1]
        assert len(index.search([DIM - 1 - SHARED], [1], mode=mode, **MODES[mode])) == 0


def test_a_document_of_most_terms(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    long = np.sort(random.choice(DIM, 120_000, replace=False))
    rows = [(terms, weights) for _, terms, weights in made(300, seed=3)]
    rows.insert(123, (long, random.gamma(2, 0.5, len(long)) + 0.01))
    vectors = SparseVectors.from_rows(rows, dim=DIM)
    index = build(tmp_path / "index", vectors)
    assert index.vector(123)[0].tolist() == long.tolist() and verify(index.path) == []
    oracle = Oracle.of(vectors)
    for terms in (long[-3:], long[-700:], long[::1000], long, np.arange(DIM)):
        weights = random.random(len(terms)) + 0.1
        expected = oracle.search(terms, weights, 7)
        for mode in MODES:
            hits = index.search(terms, weights, 7, mode=mode, **MODES[mode])
            assert (hits.rows.tolist(), hits.scores.tolist()) == expected


def test_nothing_more_is_compiled(tmp_path: Path) -> None:
    """Kernels take the same types of arrays with rare terms and without."""
    kernels = (search_blocks, search_bmp, search_seismic, search_all, score_each)

    def search(index: Index) -> None:
        for terms in ([3, 5], np.arange(300), [index.dim - 1]):
            index.scores(terms, np.ones(len(terms)), [0, 1])
            for mode in MODES:
                index.search(terms, np.ones(len(terms)), mode=mode)

    few = SparseVectors.from_rows([([1, 5, COLUMNS - 1], [1.0, 2.0, 0.5])] * 5, dim=COLUMNS)
    search(build(tmp_path / "few", few))
    compiled = [len(kernel.signatures) for kernel in kernels]
    search(build(tmp_path / "rare", made(50)))
    assert [len(kernel.signatures) for kernel in kernels] == compiled


# -- damage ----------------------------------------------------------------------------------------------------------


def damaged(tmp_path: Path, file: str, change: Callable[[np.ndarray], None]) -> Index:
    index = build(tmp_path / "index", made(200))
    edit_array(index, file, change)
    return index


def move_a_turn(offsets: np.ndarray) -> None:
    row = int(np.flatnonzero(np.diff(offsets) > 0)[3])
    offsets[row + 1] -= 1


def swap_two(turns: np.ndarray) -> None:
    turns[:] = turns[::-1].copy()


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("forward_rare_turns.npy", lambda turns: turns.__setitem__(4, 60_000), "a term id is not below 200,000"),
        ("forward_rare_turns.npy", lambda turns: turns.__setitem__(slice(None), 0), "do not ascend within a column"),
        ("forward_rare_turns.npy", swap_two, "forward_rare_turns.npy|term_documents.npy"),
        ("forward_rare_indptr.npy", move_a_turn, "not as many rare terms"),
        ("forward_terms.npy", lambda terms: terms.__setitem__(slice(0, 60), 0), "do not ascend within a row"),
        ("forward_terms.npy", lambda terms: terms.__setitem__(terms >= FIRST, FIRST - 1), "not as many rare terms"),
        ("term_documents.npy", lambda counts: counts.__setitem__(DIM - 2, 7), "not the number of documents"),
    ],
)
def test_verify_names_the_damage_and_searches_go_on(
    tmp_path: Path, file: str, change: Callable[[np.ndarray], None], says: str
) -> None:
    index = damaged(tmp_path, file, change)
    assert any(any(each in problem for each in says.split("|")) for problem in verify(index.path))
    opened = Index.open(index.path)
    known = {document.id for document in opened.documents.scan()}
    for terms, weights in queries():
        for mode in MODES:
            assert {id for id, _ in opened.search(terms, weights, mode=mode)} <= known
    for row in range(0, 200, 7):
        try:
            opened.vector(row)
        except IndexFormatError as error:
            assert "forward_rare_turns.npy: not one for each posting" in str(error)


@pytest.mark.parametrize(
    "change",
    [
        lambda offsets: offsets.__setitem__(5, 1 << 40),
        lambda offsets: offsets.__setitem__(-1, offsets[-1] + 1),
        lambda offsets: offsets.__setitem__(0, -3),
    ],
)
def test_offsets_that_lead_outside_are_not_opened(tmp_path: Path, change: Callable[[np.ndarray], None]) -> None:
    index = damaged(tmp_path, "forward_rare_indptr.npy", change)
    with pytest.raises(IndexFormatError, match=r"forward_rare_indptr\.npy: offsets do not ascend"):
        Index.open(index.path)


def test_turns_of_all_postings_in_one_document_read_nothing_outside(tmp_path: Path) -> None:
    def all_in_one(offsets: np.ndarray) -> None:
        offsets[1:] = offsets[-1]

    index = damaged(tmp_path, "forward_rare_indptr.npy", all_in_one)
    opened = Index.open(index.path)
    known = {document.id for document in opened.documents.scan()}
    for terms, weights in queries():
        for mode in MODES:
            assert {id for id, _ in opened.search(terms, weights, mode=mode)} <= known


@pytest.mark.parametrize("value", [-1, COLUMNS, "x", 2**40])
def test_a_manifest_that_says_what_none_could(tmp_path: Path, value: Any) -> None:
    index = build(tmp_path / "index", made(20))
    edit_manifest(index.path, lambda record: record.update(shared_from=value))
    with pytest.raises(IndexFormatError, match="shared_from"):
        Index.open(index.path)


def test_another_layout_is_read_as_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the number of shared columns is may change: an index keeps its own."""
    monkeypatch.setattr("lsr.index.format.columns.SHARED", 1024)
    index = build(tmp_path / "index", made(100))
    monkeypatch.undo()
    opened = Index.open(index.path)
    assert opened.segments[0].record.shared == replace(SharedColumns.of(DIM), first=COLUMNS - 1024)
    assert verify(index.path) == [] and opened.vector(3)[0].tolist() == made(100).row(3)[0].tolist()

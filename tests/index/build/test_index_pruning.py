"""A pruned index: what stays, to the bit, and what is carried over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from index_oracle import Oracle, random_vectors

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, OutputExistsError
from lsr.core.vocabulary import Vocabulary
from lsr.index import (
    BmpSettings,
    DenseSettings,
    Index,
    IndexBuilder,
    IndexSettings,
    LateWriter,
    SeismicSettings,
    Tuning,
    add_dense,
    prune_index,
    store_tuning,
    verify,
)
from lsr.index.build.export import iter_vectors, iter_weights
from lsr.index.format.manifest import MANIFEST_NAME, Manifest, checksum
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import RetrievalPlan, RetrieveSettings
from lsr.index.fusion.tuning import FusionTuning, stored_tuning
from lsr.index.fusion.tuning import store_tuning as store_fusion_tuning
from lsr.index.parts.adding import PartWriter
from lsr.vectors.pruning import Mass, MaxRatio, Pruning, Quantile, Rule, Threshold, TopK
from lsr.vectors.sparse import SparseVectors

Build = Callable[..., Index]
RULES: list[Rule] = [TopK(5), Mass(0.8), MaxRatio(0.4), Threshold(0.7), Quantile(0.35)]


def stored(index: Index) -> SparseVectors:
    return SparseVectors.concatenate(list(iter_vectors(index)))


def prunings(index: Index) -> list[Pruning]:
    return [Pruning.from_record(record) for record in index.manifest.prunings]


def assert_equal(one: SparseVectors, other: SparseVectors) -> None:
    assert one.ids == other.ids
    np.testing.assert_array_equal(one.indptr, other.indptr)
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize("weight_bits", [8, 16, 24])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_leaves_what_it_says(build: Build, tmp_path: Path, rule: Rule, weight_bits: int) -> None:
    vectors = random_vectors(700, 90, seed=3)
    index = build(vectors, settings=IndexSettings(weight_bits=weight_bits))
    whole = stored(index)
    local, weight = rule, None
    if isinstance(rule, Quantile):
        weight = float(np.sort(whole.weights)[int(0.35 * whole.nnz)])
        local = Threshold(weight)
    expected = local.prune(whole)  # type: ignore[attr-defined]
    pruned = prune_index(index, tmp_path / "pruned", rule, threads=1)
    assert_equal(stored(pruned), expected)
    assert 0 < expected.nnz < whole.nnz
    assert prunings(pruned) == [Pruning(rule.name, rule.value, weight, whole.nnz, expected.nnz)]
    assert pruned.manifest.postings == expected.nnz and prunings(index) == []
    assert verify(tmp_path / "pruned") == []
    assert pruned.describe()["bytes"]["forward"] < index.describe()["bytes"]["forward"]
    # Exact search of what is left, by brute force over it.
    oracle = Oracle.of(expected, weight_bits)
    for row in range(20):
        query = ([row, row + 7, row + 40], [1.0, 0.5, 2.0])
        hits = pruned.search(*query, 10, mode="exact")
        assert (hits.rows.tolist(), hits.scores.tolist()) == oracle.search(*query, 10)


@pytest.mark.parametrize("weight_bits", [8, 16, 24])
def test_weights_stay_to_the_bit_whatever_the_heaviest_is(build: Build, tmp_path: Path, weight_bits: int) -> None:
    """Of these, 255 times their 255th is another float32 than they are; that gives the same steps all the same."""
    settings = IndexSettings(weight_bits=weight_bits)
    for heaviest in (3.9921634197235107, 7.996266841888428, 1.9964165687561035):
        heaviest = np.float32(heaviest)
        assert np.float32(255) * np.float32(float(heaviest) / 255) != heaviest
        weights = np.sort(np.random.default_rng(0).random(1000).astype(np.float32) * heaviest) + np.float32(1e-6)
        weights[-1] = heaviest
        index = build(SparseVectors.from_rows([(np.arange(1000), weights)], ["a"], 1000), settings=settings)
        assert len(np.unique(stored(index).weights)) > 200
        again = index
        for _ in range(3):
            again = prune_index(again, tmp_path / "pruned", Threshold(0), force=True, threads=1)
            assert_equal(stored(again), stored(index))


def test_what_is_carried_over(tmp_path: Path) -> None:
    vectors = random_vectors(600, 40, seed=1)
    documents = [Document(id, f"text {id}", f"title {id}", {"n": row}) for row, id in enumerate(vectors.ids)]
    frequencies = np.arange(40)
    settings = IndexSettings(3, weight_bits=16, seismic=SeismicSettings(n_postings=50), bmp=BmpSettings(8), seed=5)
    vocabulary = Vocabulary(f"term{i}" for i in range(40))
    record = {"model": "m", "top_k": None}
    with IndexBuilder(tmp_path / "whole", dim=40, vocabulary=vocabulary, encoder=record, settings=settings) as builder:
        builder.add(vectors, documents)
        builder.count_tokens(frequencies)
        index = builder.finish(threads=1)
    store_tuning(index, Tuning(10, 0.9, "approximate", {"cut": 0.0}, 1.0, 50.0, 2))
    done: dict[str, int] = {}
    pruned = prune_index(index, tmp_path / "pruned", Quantile(0.5), threads=1, stages=counting(done))
    assert [pruned.documents.at(row) for row in range(600)] == documents
    assert pruned.documents.row("d17") == 17
    assert (
        pruned.vocabulary == vocabulary and pruned.encoder == record and pruned.segments[0].record.settings == settings
    )
    assert pruned.parts["terms"].tokens is not None
    np.testing.assert_array_equal(pruned.parts["terms"].tokens, frequencies)
    np.testing.assert_array_equal(pruned.parts["terms"].documents, np.bincount(stored(pruned).indices, minlength=40))
    assert pruned.sparse.modes == index.sparse.modes and {"seismic", "bmp"} <= set(pruned.sparse.modes)
    assert pruned.sparse.tunings == ()  # measured on the larger index
    assert pruned.describe()["prunings"] == [prunings(pruned)[0].to_record()]
    postings = index.manifest.postings
    assert done == {"weighing": 2 * postings, "pruning": 600, "building": 600}


def counting(done: dict[str, int]) -> Callable:
    from contextlib import contextmanager

    @contextmanager
    def stages(description: str, total: int | None, unit: str):
        def count(items: int) -> None:
            done[description] = done.get(description, 0) + items

        yield count

    return stages


def test_without_vocabulary_encoder_and_tokens(build: Build, tmp_path: Path) -> None:
    index = build(SparseVectors.from_rows([([], []), ([1], [2.0]), ([1, 2], [1.0, 2.0])], ["a", "b", "c"], 4))
    pruned = prune_index(index, tmp_path / "pruned", Threshold(100), threads=1)
    assert stored(pruned).indices.tolist() == [1, 2] and stored(pruned).indptr.tolist() == [0, 0, 1, 2]
    assert (pruned.vocabulary, pruned.encoder, pruned.parts["terms"].tokens) == (None, None, None)


def test_documents_without_any_term(build: Build, tmp_path: Path) -> None:
    index = build(SparseVectors.from_rows([([], []), ([], [])], ["a", "b"], 4))
    pruned = prune_index(index, tmp_path / "pruned", Quantile(0.5), threads=1)
    assert prunings(pruned) == [Pruning("quantile", 0.5, 0.0, 0, 0)] and prunings(pruned)[0].dropped_share == 0


def test_in_place_and_again(build: Build, tmp_path: Path) -> None:
    vectors = random_vectors(50, 30, seed=2)
    index = build(vectors, path=tmp_path / "index")
    whole = stored(index)
    with pytest.raises(OutputExistsError, match="force=True"):
        prune_index(index, tmp_path / "index", TopK(6))
    assert_equal(stored(Index.open(tmp_path / "index")), whole)
    prune_index(index, tmp_path / "index", TopK(6), force=True, threads=1)
    twice = prune_index(Index.open(tmp_path / "index"), tmp_path / "index", TopK(3), force=True, threads=1)
    assert_equal(stored(Index.open(tmp_path / "index")), whole.top_k(3))
    six, three = whole.top_k(6).nnz, whole.top_k(3).nnz
    assert prunings(twice) == [Pruning("top_k", 6, None, whole.nnz, six), Pruning("top_k", 3, None, six, three)]
    assert len(list((tmp_path / "index").iterdir())) == 2  # the manifest and one segment


def test_a_build_that_fails_leaves_nothing(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = build(random_vectors(50, 30, seed=2), path=tmp_path / "index")
    whole = stored(index)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexBuilder, "finish", full)
    for path in (tmp_path / "other", tmp_path / "index"):
        with pytest.raises(OSError, match="No space"):
            prune_index(index, path, TopK(3), force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert_equal(stored(Index.open(tmp_path / "index")), whole)
    assert verify(tmp_path / "index") == []


def test_weights_in_parts_are_those_of_the_documents(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.index.build.export._WEIGHTS_AT_A_TIME", 37)
    for weight_bits in (8, 16, 24):
        index = build(random_vectors(50, 30, seed=4), settings=IndexSettings(weight_bits=weight_bits))
        parts = list(iter_weights(index))
        assert {len(part) for part in parts[:-1]} == {37}
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.sort(stored(index).weights))


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 1), (511, 513), (0, 1100), (512, 1024), (1024, 1100)])
def test_runs_of_documents(build: Build, first: int, last: int) -> None:
    vectors = random_vectors(1100, 10, mean_terms=1)
    documents = [Document(id, f"text of {id}", "", {"n": row}) for row, id in enumerate(vectors.ids)]
    index = build(vectors, documents)
    assert index.parts["documents"].documents(first, last) == documents[first:last]


def test_an_index_from_before_there_was_pruning(build: Build, tmp_path: Path) -> None:
    build(random_vectors(5, 10), path=tmp_path / "index")
    path = tmp_path / "index" / MANIFEST_NAME
    record = json.loads(path.read_text())
    del record["prunings"], record["crc32"]
    path.write_text(json.dumps({**record, "crc32": checksum(record)}))
    assert Index.open(tmp_path / "index").manifest.prunings == []
    assert verify(tmp_path / "index") == []
    assert replace(Manifest.read(tmp_path / "index"), prunings=[]) == Manifest.read(tmp_path / "index")


def with_token_vectors(index: Index) -> Index:
    """With 0 to 3 token vectors for each document."""
    random = np.random.default_rng(5)
    lengths = np.arange(len(index)) % 4
    with PartWriter(index.path, index.manifest.segment, "late") as part:
        with LateWriter(part.folder, 16) as writer:
            writer.append(np.cumsum([0, *lengths]), random.normal(size=(lengths.sum(), 16)).astype(np.float32))
            record = writer.finish({"model": "made"})
        part.publish(record.to_record())
    return Index.open(index.path)


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_dense_and_token_vectors_follow_their_documents(build: Build, tmp_path: Path, kind: str) -> None:
    """Dropping terms moves documents about in the index; what is found by other vectors stays the same."""
    random = np.random.default_rng(1)
    plain = build(random_vectors(300, 50), [Document(f"d{row}", str(row)) for row in range(300)])
    index = with_token_vectors(add_dense(plain, [random.normal(size=(300, 8))], settings=DenseSettings(kind=kind)))
    store_fusion_tuning(index, FusionTuning("tmm", "candidates", 100, 0.4, None, "nDCG@10", 0.5, 0.4, 20))
    index = Index.open(index.path)
    pruned = prune_index(index, tmp_path / "pruned", TopK(2))
    assert list(pruned.manifest.segments[0].parts) == ["dense", "late"] and verify(pruned.path) == []
    assert pruned.segments[0].row_positions.tolist() != index.segments[0].row_positions.tolist()
    assert stored_tuning(index) is not None and stored_tuning(pruned) is None
    plan = RetrievalPlan(retrieve=RetrieveSettings(mode="dense"))
    for mode in ("exact", "approximate") if kind == "hnsw" else ("exact",):
        for asked in random.normal(size=(5, 8)).astype(np.float32):
            found, before = (each.parts["dense"].search(asked, 20, mode=mode) for each in (pruned, index))
            assert found.rows.tolist() == before.rows.tolist() and found.scores.tolist() == before.scores.tolist()
            query = HybridQuery(None, asked)
            hits, kept = (search_rows(each, query, 20, plan) for each in (pruned, index))
            ids = [[each.documents.at(row).id for row in found.rows] for each, found in ((pruned, hits), (index, kept))]
            assert ids[0] == ids[1] and hits.scores.tolist() == kept.scores.tolist()
    words = random.normal(size=(4, 16)).astype(np.float32)
    scores = [each.parts["late"].scores(words, np.arange(300)).tolist() for each in (pruned, index)]
    assert scores[0] == scores[1] and len(set(scores[0])) > 200
    # In a hybrid search the sparse side alone has changed: what the dense side says of a document is the same.
    both = HybridQuery(([1, 2, 3], [1.0, 1.0, 1.0]), asked)
    hybrid = RetrievalPlan(retrieve=RetrieveSettings(mode="hybrid", depth=300))
    sides = [search_rows(each, both, 300, hybrid) for each in (pruned, index)]
    of_dense = [dict(zip(each.rows.tolist(), each.dense.scores.tolist(), strict=True)) for each in sides]
    assert of_dense[0] == of_dense[1] and len(of_dense[0]) == 300


def test_a_damaged_part_is_not_carried_over(build: Build, tmp_path: Path) -> None:
    index = with_token_vectors(build(random_vectors(40, 50)))
    codes = index.segments[0].part_folder("late") / "late_codes.npy"
    codes.write_bytes(codes.read_bytes()[:-1])
    with pytest.raises(IndexFormatError, match=r"late_codes\.npy: expected .* bytes.*; add the late part again"):
        prune_index(Index.open(index.path), tmp_path / "pruned", TopK(3))
    with pytest.raises(IndexFormatError, match=r"late_codes\.npy"):
        prune_index(Index.open(index.path), index.path, TopK(3), force=True)
    assert not (tmp_path / "pruned").exists()
    assert len(Index.open(index.path).search([1], [1.0])) > 0 and Index.open(index.path).manifest.prunings == []


def test_dense_vectors_are_carried_over_unless_they_are_damaged(build: Build, tmp_path: Path) -> None:
    index = add_dense(build(random_vectors(90, 50)), [np.random.default_rng(1).normal(size=(90, 8))])
    before = index.parts["dense"].vectors.copy()
    pruned = prune_index(index, tmp_path / "pruned", TopK(3))
    assert verify(pruned.path) == [] and pruned.parts["dense"].record == index.parts["dense"].record
    np.testing.assert_array_equal(pruned.parts["dense"].vectors, before)
    in_place = prune_index(pruned, pruned.path, TopK(2), force=True)
    np.testing.assert_array_equal(in_place.parts["dense"].vectors, before)
    assert verify(in_place.path) == []
    part = index.path / index.manifest.segment / index.manifest.segments[0].parts["dense"].folder
    (part / "vectors.npy").unlink()
    with pytest.raises(IndexFormatError, match=r"vectors\.npy: missing"):
        prune_index(index, tmp_path / "again", TopK(3))
    assert not (tmp_path / "again").exists()

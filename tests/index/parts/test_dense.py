"""Dense vectors beside the sparse ones, against brute force."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from index_oracle import random_vectors
from index_tampering import edit_manifest

from lsr.core.errors import IndexFormatError, InputError, OutputExistsError
from lsr.index import DenseSettings, Index, add_dense, verify
from lsr.index.format.files import file_problems
from lsr.index.parts.dense.settings import KINDS, clusters, code_bits, factory, sub_quantisers
from lsr.index.parts.dense.vectors import open_dense
from lsr.index.parts.part import CarriedRows
from lsr.index.parts.registry import added_parts

DIM = 24


def clustered(documents: int, seed: int = 0) -> np.ndarray:
    """Vectors around few centres, as real ones stand, of lengths from 1 to 3."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(max(2, documents // 40), DIM))
    vectors = centres[random.integers(0, len(centres), documents)] + 0.5 * random.normal(size=(documents, DIM))
    return (vectors * random.uniform(1, 3, (documents, 1))).astype(np.float32)


def brute_force(vectors: np.ndarray, query: np.ndarray, k: int, mask: np.ndarray | None, similarity: str) -> list[int]:
    exact, asked = vectors.astype(np.float64), query.astype(np.float64)
    if similarity == "cosine":
        exact = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    scores = exact @ asked
    rows = np.flatnonzero(mask) if mask is not None else np.arange(len(vectors))
    return rows[np.argsort(-scores[rows], kind="stable")][:k].tolist()


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("kind", KINDS)
def test_exact_search_equals_brute_force_and_approximate_search_comes_near(build, kind, similarity):
    vectors, queries = clustered(3000), clustered(20, seed=1)
    index = add_dense(
        build(random_vectors(3000, 50)),
        [vectors[:1100], vectors[1100:]],
        similarity=similarity,
        settings=DenseSettings(kind),
        threads=1,
    )
    assert index.parts["dense"].kind == kind
    mask = np.random.default_rng(2).random(3000) < 0.4
    packed = np.packbits(mask, bitorder="little")
    recalls = []
    for query in queries:
        assert index.parts["dense"].search(query, 10, mode="exact").rows.tolist() == brute_force(
            vectors, query, 10, None, similarity
        )
        filtered = index.parts["dense"].search(query, 10, allow=packed)
        assert filtered.rows.tolist() == brute_force(vectors, query, 10, mask, similarity)
        assert filtered.stats.mode == "exact"
        truth = set(brute_force(vectors, query, 10, None, similarity))
        recalls.append(len(truth & set(index.parts["dense"].search(query, 10).rows.tolist())) / 10)
        # The filter reaches faiss: nothing else comes back, and no fewer.
        some = index.parts["dense"].search(query, 10, mode="approximate", allow=packed)
        assert len(some.rows) == 10 and mask[some.rows].all()
    assert np.mean(recalls) >= (0.85 if "pq" in kind or kind == "ivf" else 0.97)


def test_a_score_is_the_same_however_it_was_reached(build):
    vectors, query = clustered(800), clustered(1, seed=3)[0]
    index = build(random_vectors(800, 50))
    scores = []
    for kind in KINDS:
        index = add_dense(index, [vectors], settings=DenseSettings(kind), threads=1, force=True)
        hits = index.parts["dense"].search(query, 800, mode="exact")
        by_row = np.empty(800, np.float32)
        by_row[hits.rows] = hits.scores
        scores.append(by_row)
        found = index.parts["dense"].search(query, 5)
        assert (found.scores == by_row[found.rows]).all()
        assert (index.parts["dense"].scores(query, found.rows) == found.scores).all()
    assert all((each == scores[0]).all() for each in scores)


def test_equal_vectors_stand_in_row_order_whatever_their_number(build):
    vectors = np.ones((500, 8), np.float32)
    vectors[0] = -1
    index = add_dense(build(random_vectors(500, 50)), [vectors])
    assert index.parts["dense"].search(np.ones(8), 7).rows.tolist() == list(range(1, 8))


def test_few_allowed_documents_none_and_more_hits_than_documents(build):
    vectors, query = clustered(400), clustered(1, seed=5)[0]
    index = add_dense(build(random_vectors(400, 50)), [vectors])
    mask = np.zeros(400, bool)
    assert len(index.parts["dense"].search(query, 5, allow=np.packbits(mask, bitorder="little")).rows) == 0
    mask[[3, 77, 200]] = True
    found = index.parts["dense"].search(query, 5, allow=np.packbits(mask, bitorder="little"))
    assert found.stats.direct and found.rows.tolist() == brute_force(vectors, query, 5, mask, "cosine")
    assert len(index.parts["dense"].search(query, 4000).rows) == 400


def test_truncated_vectors_are_searched_with_truncated_queries(build):
    vectors, query = clustered(300), clustered(1, seed=5)[0]
    index = add_dense(build(random_vectors(300, 50)), [vectors], settings=DenseSettings(truncate=8))
    assert (index.parts["dense"].dim, index.parts["dense"].record.full_dim) == (8, DIM)
    expected = brute_force(vectors[:, :8], query[:8], 10, None, "cosine")
    assert (
        index.parts["dense"].search(query, 10).rows.tolist()
        == index.parts["dense"].search(query[:8], 10).rows.tolist()
        == expected
    )


def test_what_was_added_is_there_when_the_index_is_opened(build):
    vectors = clustered(50)
    record = {"model": "minilm", "max_length": 256}
    path = add_dense(build(random_vectors(50, 50)), [vectors], encoder=record, similarity="dot").path
    index = Index.open(path)
    assert index.parts["dense"].record.encoder == record and verify(path) == []
    np.testing.assert_array_equal(index.parts["dense"].vectors, vectors)
    assert index.describe()["bytes"]["dense"] == vectors.nbytes + 128
    assert index.describe()["parts"]["dense"]["similarity"] == "dot"
    assert "dense" not in build(random_vectors(5, 50)).parts


def test_a_part_is_replaced_only_on_demand_and_a_failure_leaves_the_old_one(build):
    index = add_dense(build(random_vectors(60, 50)), [clustered(60)])
    with pytest.raises(OutputExistsError, match="has a dense part already"):
        add_dense(index, [clustered(60)])
    old = index.parts["dense"].vectors.copy()
    bad = clustered(60)
    bad[41, 3] = np.nan
    with pytest.raises(InputError, match="row 41: the dense vector has a value that is not finite"):
        add_dense(index, [bad[:20], bad[20:]], force=True)
    with pytest.raises(InputError, match="60 documents, but there are 59"):
        add_dense(index, [bad[:41], bad[42:]], force=True)
    with pytest.raises(InputError, match="row 30: expected vectors of length 24, found shape"):
        add_dense(index, [clustered(30), clustered(30)[:, :9]], force=True)
    folder = index.path / index.manifest.segment
    assert sum(entry.is_dir() for entry in folder.iterdir()) == 1
    np.testing.assert_array_equal(Index.open(index.path).parts["dense"].vectors, old)
    again = add_dense(index, [clustered(60, seed=9)], force=True)
    assert not np.array_equal(again.parts["dense"].vectors, old)
    assert sum(entry.is_dir() for entry in folder.iterdir()) == 1
    np.testing.assert_array_equal(index.parts["dense"].vectors, old)  # still mapped by whoever had it open


def test_a_damaged_part_is_named_and_sparse_search_still_answers(build):
    vectors = random_vectors(200, 50)
    index = add_dense(build(vectors), [clustered(200)], settings=DenseSettings("hnsw"), threads=1)
    part = index.path / index.manifest.segment / index.manifest.segments[0].parts["dense"].folder
    for name in ("vectors.npy", "ann.faiss"):
        whole = (part / name).read_bytes()
        for damage, says in (
            (lambda file: file.unlink(), "missing"),
            (lambda file, whole=whole: file.write_bytes(whole[:-9]), "expected"),
            (lambda file, whole=whole: file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1])), "expected CRC-32"),
        ):
            damage(part / name)
            (problem,) = verify(index.path)
            assert re.search(rf"{name}: {says}.*searches without it still answer", problem)
            opened = Index.open(index.path)
            assert len(opened.search([1], [1.0], 5)) == len(index.search([1], [1.0], 5)) > 0
            if says != "expected CRC-32":
                with pytest.raises(IndexFormatError, match=f"{name}.*; add the dense part again"):
                    _ = opened.parts["dense"]
            (part / name).write_bytes(whole)
    (part / "ann.faiss").write_bytes(b"x" * (part / "ann.faiss").stat().st_size)
    with pytest.raises(IndexFormatError, match=r"ann\.faiss: expected CRC-32"):
        Index.open(index.path).parts["dense"].search(np.ones(DIM), 3)


def test_an_index_of_the_format_before_opens(build):
    index = build(random_vectors(20, 30))

    def downgrade(record: dict) -> None:
        record["format_version"] = 2
        del record["parts"]

    edit_manifest(index.path, downgrade)
    assert len(Index.open(index.path)) == 20 and verify(index.path) == []
    assert "dense" in add_dense(Index.open(index.path), [clustered(20)]).parts
    assert json.loads((index.path / "manifest.json").read_text())["format_version"] == 3


def test_bad_queries_and_settings_are_refused(build):
    index = build(random_vectors(30, 50))
    with pytest.raises(InputError, match=r"has no dense part; add one \(lsr.build.dense"):
        _ = index.parts["dense"]
    index = add_dense(index, [clustered(30)])
    with pytest.raises(InputError, match="have length 24, not 5"):
        index.parts["dense"].search(np.ones(5))
    with pytest.raises(InputError, match="not finite"):
        index.parts["dense"].search(np.full(DIM, np.inf))
    for wrong in ({"k": 0}, {"mode": "bmp"}, {"effort": 0}):
        with pytest.raises(InputError):
            index.parts["dense"].search(np.ones(DIM), **wrong)
    with pytest.raises(InputError, match="kind of dense index"):
        DenseSettings("tree")
    with pytest.raises(InputError, match="cannot be truncated to 99"):
        add_dense(index, [clustered(30)], settings=DenseSettings(truncate=99), force=True)


def test_faiss_structures_fit_the_collection():
    settings = DenseSettings()
    assert [settings.choose_kind(n) for n in (20_000, 20_001, 5_000_001)] == ["flat", "hnsw", "ivfpq"]
    assert (clusters(1_000_000), clusters(100), clusters(10)) == (4000, 2, 1)
    assert (sub_quantisers(384), sub_quantisers(100), sub_quantisers(7)) == (48, 20, 1)
    assert (code_bits(20_000), code_bits(3_000), code_bits(10)) == (8, 6, 1)
    assert factory("ivfpq", 20_000, 384) == "IDMap2,IVF512,PQ48x8"


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_rows_of_several_segments_are_carried_over(build, tmp_path, kind):
    vectors = [clustered(count, seed=count) for count in (150, 1, 60)]
    settings = DenseSettings(kind)
    made = [add_dense(build(random_vectors(len(each), 50)), [each], settings=settings, threads=1) for each in vectors]
    rows = [np.array([149, 0, 7]), None, np.arange(60)[::-1]]
    segments = [index.segments[0] for index in made]
    sources = [
        CarriedRows(segment.part("dense"), segment.part_folder("dense"), segment.record.parts["dense"], chosen)
        for segment, chosen in zip(segments, rows, strict=True)
    ]
    folder = tmp_path / "dense-new"
    folder.mkdir()
    record = added_parts()["dense"].carry(sources, folder)
    expected = np.concatenate([vectors[0][[149, 0, 7]], vectors[1], vectors[2][::-1]])
    whole = add_dense(build(random_vectors(64, 50)), [expected], settings=settings, threads=1)
    assert record.folder == "dense-new" and record.record == whole.manifest.segments[0].parts["dense"].record
    assert file_problems(folder, record.files, contents=True) == []
    carried = open_dense(folder, record, 64)
    np.testing.assert_array_equal(carried.vectors, whole.parts["dense"].vectors)
    query = clustered(1, seed=3)[0]
    for mode in ("exact", "approximate"):
        found, other = carried.search(query, 10, mode=mode), whole.parts["dense"].search(query, 10, mode=mode)
        assert found.rows.tolist() == other.rows.tolist() and found.scores.tolist() == other.scores.tolist()
    mixed = add_dense(build(random_vectors(5, 50)), [clustered(5)], similarity="dot").segments[0]
    odd = CarriedRows(mixed.part("dense"), mixed.part_folder("dense"), mixed.record.parts["dense"])
    with pytest.raises(InputError, match="cannot be put into one segment"):
        added_parts()["dense"].carry([sources[0], odd], tmp_path)

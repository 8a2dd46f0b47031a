"""What a build writes: the same bytes whatever the threads, weights within half a step, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors

from lsr.core.errors import InputError
from lsr.index import BmpSettings, Index, IndexBuilder, IndexSettings, SeismicSettings, verify
from lsr.index.parts.seismic.inversion import write_inverted
from lsr.vectors.sparse import SparseVectors

Build = Callable[..., Index]
EVERYTHING: dict[str, Any] = {"seismic": SeismicSettings(), "bmp": BmpSettings(8), "weight_bits": 16}


def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is done in parts has several of them, as in a large build."""
    for name, size in {
        "parts.summaries.blocks.MOST_WINDOW_BLOCKS": 128,
        "parts.summaries.blocks._COUNT_AT_A_TIME": 100,
        "parts.seismic.blocks._PART_POSTINGS": 1000,
        "parts.seismic.blocks._SKETCH_ROWS": 400,
        "build.order._ASSIGN_AT_A_TIME": 200,
        "build.quantise._QUANTISE_AT_A_TIME": 5000,
        "parts.gathering._DOCUMENTS": 300,
        "parts.terms._COUNT_AT_A_TIME": 3000,
        "format.checks._CHUNK": 1000,
    }.items():
        monkeypatch.setattr(f"lsr.index.{name}", size)


def finish(
    path: Path, vectors: SparseVectors, batch: int = 10_000, threads: int | None = None, **settings: Any
) -> tuple[Index, list[int]]:
    finished: list[int] = []
    with IndexBuilder(path, dim=vectors.dim, settings=IndexSettings(**settings)) as builder:
        for start in range(0, len(vectors), batch):
            builder.add(vectors[start : start + batch])
        return builder.finish(progress=finished.append, threads=threads), finished


def test_the_same_bytes_whatever_the_threads_the_batches_and_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = random_vectors(1500, 200)
    monkeypatch.setattr("lsr.index.parts.summaries.blocks.MOST_WINDOW_BLOCKS", 128)  # windows are part of the format
    made = {"whole": finish(tmp_path / "whole", vectors, threads=1, **EVERYTHING)[0]}
    small_parts(monkeypatch)
    for name, batch, threads, seed in (("one", 10_000, 1, 0), ("three", 7, 3, 0), ("other", 10_000, 3, 1)):
        index, finished = finish(tmp_path / name, vectors, batch, threads, seed=seed, **EVERYTHING)
        assert sum(finished) == 1500
        assert min(finished) > 0
        assert len(finished) > 5
        assert verify(index.path) == []
        made[name] = index
    files = {
        name: {f: record.crc32 for f, record in index.segments[0].record.files.items()} for name, index in made.items()
    }
    assert files["whole"] == files["one"] == files["three"]
    for file in ("order_rows.npy", "seismic_rows.npy"):
        assert files["one"][file] != files["other"][file]
    for file in ("term_documents.npy", "ids_bytes.npy", "documents.arrow"):
        assert files["one"][file] == files["other"][file]


@pytest.mark.parametrize("settings", [{}, {"reorder": False}, {"block_size": 256}, EVERYTHING])
@pytest.mark.parametrize("documents", [1, 2, 300, 1111])
def test_progress_adds_up_to_the_documents(tmp_path: Path, settings: dict[str, Any], documents: int) -> None:
    _, finished = finish(tmp_path / "index", random_vectors(documents, 40), **settings)
    assert sum(finished) == documents
    assert min(finished) > 0


def test_progress_over_documents_without_terms(tmp_path: Path) -> None:
    vectors = SparseVectors.from_rows([([], [])] * 7, dim=3)
    index, finished = finish(tmp_path / "index", vectors, **EVERYTHING)
    assert sum(finished) == 7
    assert index.manifest.postings == 0
    assert verify(index.path) == []


@pytest.mark.parametrize("weight_bits", [8, 16, 24])
@pytest.mark.parametrize("reorder", [True, False])
def test_weights_are_kept_within_half_a_step(build: Build, weight_bits: int, reorder: bool) -> None:
    random = np.random.default_rng(0)
    rows = [(np.sort(random.choice(99, 30, replace=False)), 10 ** random.uniform(-7, 1, 30)) for _ in range(700)]
    vectors = SparseVectors.from_rows(rows, dim=99)
    index = build(vectors, settings=IndexSettings(weight_bits=weight_bits, reorder=reorder))
    heaviest = float(vectors.weights.max())
    unit = 2 ** np.ceil(np.log2(heaviest / 255)) if weight_bits == 24 else heaviest / 255
    step = unit / 2 ** (weight_bits - 8)
    assert index.manifest.weight_scale == pytest.approx(unit, rel=1e-6)
    raised = 0
    for row in range(len(index)):
        terms, weights = vectors.row(row)
        stored_terms, stored = index.vector(row)
        assert stored_terms.tolist() == terms.tolist()
        # The least weight is one step: a positive weight stays positive.
        assert (stored >= step * 0.999).all()
        assert np.abs(stored - np.maximum(weights, step)).max() <= step / 2 * 1.01
        raised += (weights < step / 2).sum()
    assert raised > 0
    deficits = index.segments[0].forward.deficits
    assert (None if deficits is None else deficits.dtype) == {8: None, 16: np.uint8, 24: np.uint16}[weight_bits]
    if reorder:
        assert index.segments[0].document_rows.tolist() != list(range(700))
    assert index.segments[0].row_positions[index.segments[0].document_rows].tolist() == list(range(700))


def test_sixteen_bits_are_closer_to_the_float_scores(build: Build) -> None:
    vectors, (terms, weights) = random_vectors(500, 90, 20, seed=3), (np.arange(40), np.linspace(0.1, 2, 40))
    dense = np.zeros((500, 90))
    dense[np.repeat(np.arange(500), np.diff(vectors.indptr)), vectors.indices] = vectors.weights
    exact = dense[:, :40] @ weights
    error = {}
    for bits in (8, 16):
        hits = build(vectors, settings=IndexSettings(weight_bits=bits)).search(terms, weights, 500)
        error[bits] = np.abs(hits.scores - exact[hits.rows]).max()
    assert error[16] < error[8] / 50


def test_scores_of_24_bits_are_those_of_the_weights(build: Build) -> None:
    """Of BM25's, which are a product of what is rare and of what is frequent in a text."""
    random = np.random.default_rng(4)
    dim, documents, rows = 3000, 1500, []
    chances = 1 / (np.arange(dim) + 3)
    chances /= chances.sum()
    for _ in range(documents):
        terms, counts = np.unique(random.choice(dim, random.integers(20, 120), p=chances), return_counts=True)
        idf = np.log(1 + 1 / (chances[terms] * 60))
        rows.append((terms, idf * counts * 1.9 / (counts + 0.9 * random.uniform(0.4, 1.6))))
    vectors = SparseVectors.from_rows(rows, dim=dim)
    index, exact = build(vectors, settings=IndexSettings(weight_bits=24)), vectors.to_scipy().astype(np.float64)
    for _ in range(40):
        terms = np.sort(random.choice(dim, random.integers(1, 8), replace=False, p=chances))
        query = np.zeros(dim)
        query[terms] = random.uniform(0.5, 2, len(terms)).astype(np.float32)
        wanted = exact @ query
        found = index.scores(terms, query[terms], np.arange(documents))
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=0)
        hits = index.search(terms, query[terms], 10, mode="exact")
        np.testing.assert_allclose(hits.scores, np.sort(wanted)[::-1][: len(hits)], rtol=1e-5)


@pytest.mark.parametrize(("dim", "dtype"), [(1 << 16, np.uint16), ((1 << 16) + 1, np.uint32)])
def test_term_ids_take_two_bytes_where_the_vocabulary_fits(build: Build, dim: int, dtype: type) -> None:
    rows = [([0, dim - 1], [1.0, 2.0]), ([dim - 2], [1.0]), ([dim - 1], [1.0])]
    index = build(SparseVectors.from_rows(rows, dim=dim), settings=IndexSettings(**EVERYTHING))
    assert index.segments[0].forward.indices.dtype == dtype
    for mode in index.sparse.modes:
        assert index.search([dim - 1], [1.0], mode=mode).rows.tolist() == [0, 2]
    with pytest.raises(InputError, match="outside the index's vocabulary"):
        index.search([dim], [1.0])


def test_nothing_but_the_files_of_the_index_is_left(tmp_path: Path) -> None:
    vectors = random_vectors(300, 60)
    plain, _ = finish(tmp_path / "plain", vectors)
    full, _ = finish(tmp_path / "full", vectors, **EVERYTHING)
    parts = {name.removesuffix(".npy").split("_")[0] for name in plain.manifest.segments[0].files}
    assert parts == {"forward", "order", "term", "summary", "id", "ids", "documents.arrow"}
    assert set(full.segments[0].record.files) - set(plain.segments[0].record.files) == {
        name
        for name in full.segments[0].record.files
        if name.startswith(("seismic", "bmp")) or name == "forward_deficits.npy"
    }
    for index in (plain, full):
        folder = index.path / index.manifest.segment
        assert {path.name for path in folder.iterdir()} == set(index.segments[0].record.files)
        space = index.describe()["bytes"]
        assert space.pop("total") == sum(space.values())
    assert plain.describe()["bytes"]["seismic"] == plain.describe()["bytes"]["bmp"] == 0
    assert full.describe()["bytes"]["seismic"] > 0 < full.describe()["bytes"]["bmp"]
    # A second byte a weight.
    assert full.describe()["bytes"]["forward"] - plain.describe()["bytes"]["forward"] == full.manifest.postings + 128


def test_inversion_in_parts_gives_the_same_bytes(build: Build, tmp_path: Path) -> None:
    forward = build(random_vectors(300, 200)).segments[0].forward
    written = []
    for number, part_postings in enumerate((1 << 26, 100, 1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_inverted(folder, forward, 200, part_postings)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1] == written[2]
    rows, indptr = (np.load(tmp_path / "0" / f"inverted_{name}.npy") for name in ("rows", "indptr"))
    documents = np.repeat(np.arange(300), np.diff(forward.indptr))
    for term in range(200):
        assert rows[indptr[term] : indptr[term + 1]].tolist() == documents[forward.indices == term].tolist()


def test_settings() -> None:
    settings = IndexSettings(block_size=3, weight_bits=16, seed=9, seismic=SeismicSettings(doc_cut=7))
    assert IndexSettings.from_record(settings.to_record()) == settings
    assert IndexSettings.from_record({}) == IndexSettings()
    sizes = [IndexSettings().choose_block_size(documents) for documents in (1, 1_999_999, 2_000_000, 10_000_000)]
    assert sizes == sorted(sizes)
    assert settings.choose_block_size(10**9) == 3
    shares = [IndexSettings().choose_frequent_share(documents) for documents in (1, 599_999, 600_000)]
    assert shares == [0.125, 0.125, 0.25]
    assert IndexSettings(frequent_share=0.5).choose_frequent_share(1) == 0.5
    for bad in (
        {"block_size": 0},
        {"block_size": 257},
        {"frequent_share": 0.0},
        {"frequent_share": 1.01},
        {"frequent_share": float("nan")},
        {"weight_bits": 4},
        {"seed": -1},
        {"seed": 2**63},
    ):
        with pytest.raises(InputError, match=next(iter(bad))):
            IndexSettings(**bad)

"""The benchmark as a whole, on collections of a few hundred vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench_collections import random_vectors

from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.eval.bench import BenchSettings, LeftOut, bench
from lsr.eval.bench.overhead import measure_overhead
from lsr.eval.bench.plot import save_plot
from lsr.eval.bench.vectors import open_vectors
from lsr.index import IndexBuilder
from lsr.vectors.files import holds_vectors
from lsr.vectors.sparse import SparseVectors

DIM = 60


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """300 documents and 11 queries, in Parquet."""
    paths = tmp_path / "documents.parquet", tmp_path / "queries.parquet"
    for path, rows, mean_terms in zip(paths, (300, 11), (10, 4), strict=True):
        random_vectors(rows, DIM, mean_terms, seed=rows).save(path)
    return paths


def test_rows_of_all_engines(files: tuple[Path, Path], tmp_path: Path) -> None:
    for package in ("seismic", "bmp"):
        pytest.importorskip(package)
    settings = BenchSettings(
        ks=(1, 20),
        against=("seismic", "bmp", "taat"),
        ks_of={"seismic": (20,), "bmp": (20,)},
        batch_threads=(1, 2),
        build_threads=1,
        rounds=2,
        limit=9,
    )
    result = bench(*files, settings)
    assert result.notes == []
    assert result.about["documents"] == 300 and result.about["queries"] == 9 and result.about["vocabulary"] == DIM
    systems = {(row.system, row.k) for row in result.rows}
    ours = {(f"lsr {mode}", k) for mode in ("approximate", "exact", "exhaustive") for k in (1, 20)}
    assert systems >= ours | {("seismic approximate", 20), ("bmp exact", 20), ("bmp approximate", 20)}
    assert ("seismic approximate", 1) not in systems and ("taat exhaustive", 1) in systems
    for row in result.rows:
        found = row.overall
        assert 0 <= found.recall <= 1 and 0 < found.p50_us <= found.p95_us <= found.p99_us
        assert 0 < found.mean_us <= found.call_mean_us
        assert row.index_bytes > 0 and row.build_s is not None and row.build_s > 0
        assert row.queries_per_second.keys() == ({1, 2} if row.engine in ("lsr", "seismic") else set())
        # Five queries in the first half, four in the second.
        assert found.recall == pytest.approx((5 * row.halves[0].recall + 4 * row.halves[1].recall) / 9)
        assert found.call_mean_us == pytest.approx(
            (5 * row.halves[0].call_mean_us + 4 * row.halves[1].call_mean_us) / 9
        )
    exact = [row.overall.recall for row in result.rows if row.mode in ("exact", "exhaustive") and row.engine != "bmp"]
    assert min(exact) > 0.95
    json.dumps(result.to_record(), allow_nan=False)
    save_plot(result.rows, [tmp_path / "plot.svg", tmp_path / "plot.png"], title="A title")
    svg = (tmp_path / "plot.svg").read_text()
    assert all(text in svg for text in ("recall@1<", "recall@20<", "lsr exhaustive<", "bmp exact<", "A title<"))
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.glob(".*")) == []


def test_overhead_is_measured_on_the_same_path(tmp_path: Path) -> None:
    documents, queries = random_vectors(200, DIM, 10, seed=7), random_vectors(5, DIM, 4, seed=8)
    with IndexBuilder(tmp_path / "index", dim=DIM) as builder:
        builder.add(documents)
        index = builder.finish(threads=1)
    for mode in ("approximate", "exact"):
        found = measure_overhead(index, queries, 10, mode)
        assert found.hot_us > 0 and found.after_search_us > 0


def test_what_cannot_be_built_is_left_out_with_a_reason(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("bmp")

    def fail(*_: Any, **__: Any) -> None:
        raise LeftOut("out of luck")

    monkeypatch.setattr("lsr.eval.bench.engines.bmp.call_apart", fail)
    notes: list[str] = []
    result = bench(*files, BenchSettings(against=("bmp",), rounds=1, build_threads=1), note=notes.append)
    assert notes == result.notes == ["bmp (block_size 16) left out: out of luck"]
    assert {row.engine for row in result.rows} == {"lsr"}


@pytest.mark.parametrize(
    "settings, message",
    [
        (BenchSettings(against=("lucene",)), "no engine 'lucene'"),
        (BenchSettings(ks=()), "at least one k"),
        (BenchSettings(ks=(10, 0)), "at least 1"),
        (BenchSettings(ks_of={"bmp": (100,)}), "must be among 10"),
        (BenchSettings(rounds=0), "at least 1"),
        (BenchSettings(build_threads=0), "at least 1"),
        (BenchSettings(limit=1), "at least 2 queries"),
    ],
)
def test_settings_that_make_no_sense(files: tuple[Path, Path], settings: BenchSettings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bench(*files, settings)


def test_json_lines_share_a_vocabulary_by_term(tmp_path: Path) -> None:
    documents, queries = tmp_path / "documents.jsonl", tmp_path / "queries.jsonl.gz"
    SparseVectors.from_rows([([0, 1], [1, 2]), ([1], [3])]).save(documents, vocabulary=Vocabulary(["b", "d"]))
    SparseVectors.from_rows([([0, 1, 2], [4, 5, 6])]).save(queries, vocabulary=Vocabulary(["a", "c", "d"]))
    vectors = open_vectors(documents, queries, tmp_path)
    assert (vectors.dim, vectors.count, vectors.pairs) == (4, 2, 3)
    assert vectors.documents == tmp_path / "documents.parquet"
    (read,) = vectors.batches()
    assert [read.row(i)[0].tolist() for i in range(2)] == [[1, 3], [3]]
    assert vectors.queries.row(0)[0].tolist() == [0, 2, 3]


def test_parquet_files_of_unrecorded_size_share_the_larger(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    for name, terms in (("documents", [3]), ("queries", [7])):
        path = tmp_path / f"{name}.parquet"
        SparseVectors.from_rows([(terms, [1])], dim=100).save(path)
        pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    assert open_vectors(tmp_path / "documents.parquet", tmp_path / "queries.parquet", tmp_path).dim == 8


def test_files_that_do_not_fit_together(tmp_path: Path) -> None:
    for name, dim in (("a", 5), ("b", 6)):
        SparseVectors.from_rows([([1], [1])], dim=dim).save(tmp_path / f"{name}.parquet")
    SparseVectors.from_rows([([0], [1])]).save(tmp_path / "c.jsonl", vocabulary=Vocabulary(["x"]))
    SparseVectors.empty(5).save(tmp_path / "empty.parquet")
    for documents, queries, message in [
        ("a.parquet", "b.parquet", "different sizes"),
        ("a.parquet", "c.jsonl", "c.jsonl: has terms by name"),
        ("c.jsonl", "a.parquet", "c.jsonl: has terms by name"),
        ("empty.parquet", "a.parquet", "no documents"),
        ("a.parquet", "empty.parquet", "no queries"),
        ("a.parquet", "a.parquet", "at least 2 queries"),
        ("a.parquet", "nowhere.parquet", "no such file"),
    ]:
        with pytest.raises(InputError, match=message):
            bench(tmp_path / documents, tmp_path / queries, BenchSettings())


def test_telling_vectors_from_texts(tmp_path: Path, files: tuple[Path, Path]) -> None:
    vectors, texts = tmp_path / "vectors.jsonl", tmp_path / "texts.jsonl"
    vectors.write_text('{"id": "a", "vector": {"x": 1.0}}\n')
    texts.write_text('{"_id": "a", "text": "vector"}\n')
    (tmp_path / "list.jsonl").write_text('["vector"]\n')
    (tmp_path / "broken.jsonl").write_text("vector\n")
    (tmp_path / "broken.parquet").write_text("vector\n")
    assert holds_vectors(files[0]) and holds_vectors(str(vectors))
    for name in ("texts.jsonl", "list.jsonl", "broken.jsonl", "broken.parquet", "nowhere.parquet", "."):
        assert not holds_vectors(tmp_path / name), name
    assert not holds_vectors("-") and not holds_vectors("irds:beir/scifact")

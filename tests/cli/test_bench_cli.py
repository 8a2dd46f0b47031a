"""`lsr bench` and `lsr tune`."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lsr import SparseVectors
from lsr.index import Index, IndexBuilder

Run = Callable[..., tuple[int, str, str]]

ROW = {
    "engine": str,
    "mode": str,
    "parameters": dict,
    "k": int,
    "recall": float,
    "mean_us": float,
    "p50_us": float,
    "p95_us": float,
    "p99_us": float,
    "index_bytes": int,
    "build_s": float,
}


@pytest.fixture(autouse=True)
def files(run: Run) -> None:
    """documents.parquet and queries.parquet, in the folder that `run` works in."""
    vectors(200, 8, seed=1).save("documents.parquet")
    vectors(12, 3, seed=2).save("queries.parquet")


def vectors(rows: int, terms: int, seed: int) -> SparseVectors:
    random = np.random.default_rng(seed)
    made = [(np.sort(random.choice(40, terms, replace=False)), random.gamma(2, 0.5, terms) + 0.05) for _ in range(rows)]
    return SparseVectors.from_rows(made, [f"x{row}" for row in range(rows)], 40)


def index_documents(path: str) -> Index:
    documents = SparseVectors.load("documents.parquet")
    with IndexBuilder(path, dim=documents.dim) as builder:
        builder.add(documents)
        return builder.finish(threads=1)


def test_bench_prints_rows_and_nothing_else(run: Run) -> None:
    for package in ("seismic", "bmp"):
        pytest.importorskip(package)
    fast = ("--rounds", 1, "--build-threads", 1)
    code, out, err = run(
        "bench",
        "documents.parquet",
        "queries.parquet",
        "--k",
        10,
        "--threads",
        1,
        "--against",
        "seismic,bmp",
        "--json",
        *fast,
    )
    assert code == 0 and "building" in err
    report = json.loads(out)
    assert report.keys() == {"rows"}
    for row in report["rows"]:
        assert all(isinstance(row[name], kind) for name, kind in ROW.items())
        assert row["k"] == 10 and 0 <= row["recall"] <= 1 and row["p50_us"] <= row["p99_us"]
    systems = [(row["engine"], row["mode"]) for row in report["rows"]]
    assert {("lsr", "approximate"), ("lsr", "exact"), ("lsr", "exhaustive")} <= set(systems)
    assert {engine for engine, _ in systems} == {"lsr", "seismic", "bmp"}
    assert all(sum(engine == name for engine, _ in systems) > 1 for name in ("lsr", "seismic", "bmp"))


def test_bench_writes_a_report(run: Run) -> None:
    pytest.importorskip("matplotlib")
    options = ("--against", "none", "--k", "1,5", "--k", 7, "--queries", 10, "--rounds", 1, "-o", "out")
    code, out, _ = run("bench", "documents.parquet", "queries.parquet", *options, "--keep", "kept")
    assert [path.name.split("-")[0] for path in Path("kept").iterdir()] == ["lsr"]
    assert code == 0 and out.startswith("200 documents of 8.0 terms, 10 queries of 3.0") and "seismic" not in out
    assert sorted(path.name for path in Path("out").iterdir()) == [f"bench.{s}" for s in ("json", "md", "png", "svg")]
    assert Path("out/bench.md").read_text() == f"# Benchmark\n\n{out}"
    report = json.loads(Path("out/bench.json").read_text())
    assert {row["k"] for row in report["rows"]} == {1, 5, 7}
    code, out, err = run("bench", "documents.parquet", "queries.parquet", *options)
    assert (code, out) == (2, "") and "bench.md already exists" in err
    assert run("bench", "documents.parquet", "queries.parquet", *options, "--force")[0] == 0


def test_bad_calls_of_bench(run: Run) -> None:
    Path("empty.jsonl").write_text("")
    for arguments, message in [
        (("documents.parquet", "queries.parquet", "--against", "lucene"), "no engine 'lucene'"),
        (("documents.parquet", "queries.parquet", "--k", "ten"), "--k takes whole numbers"),
        (("documents.parquet", "queries.parquet", "--k", "0"), "at least 1"),
        (("documents.parquet", "queries.parquet", "--configurations", "all"), "quick or full"),
        (("documents.parquet", "nowhere.parquet"), "nowhere.parquet: no such file"),
        (("documents.parquet", "empty.jsonl"), "empty.jsonl"),
        (("documents.parquet",), "QUERIES"),
    ]:
        code, out, err = run("bench", *arguments)
        assert code == 2 and out == "" and message in err, arguments


def test_without_matplotlib_there_is_a_report_without_plots(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    options = ("--against", "none", "--rounds", 1, "-o", "out")
    code, _, err = run("bench", "documents.parquet", "queries.parquet", *options)
    assert code == 0 and "no plot: a plot needs matplotlib" in err
    assert sorted(path.name for path in Path("out").iterdir()) == ["bench.json", "bench.md"]


def test_tune_stores_what_it_found(run: Run) -> None:
    pytest.importorskip("matplotlib")
    index_documents("index")
    code, out, err = run(
        "tune", "index", "--queries", "queries.parquet", "--recall", 0.9, "--recall", 1, "--k", 5, "--plot", "plot.svg"
    )
    assert code == 0 and out.startswith("| mode | parameters | recall@5 |") and "12 queries are few" in err
    assert "recall 0.9: " in out and "recall 1: " in out and "recall@5<" in Path("plot.svg").read_text()
    assert {(tuning.k, tuning.recall) for tuning in Index.open("index").sparse.tunings} == {(5, 0.9), (5, 1.0)}

    code, out, _ = run("tune", "index", "--queries", "queries.parquet", "--json")
    found = json.loads(out)
    (tuning,) = found["tunings"]
    assert code == 0 and tuning["recall"] == 0.98 and tuning["k"] == 10 and tuning["measured_recall"] >= 0.98
    assert (tuning["mode"], tuning["parameters"]) in [(row["mode"], row["parameters"]) for row in found["rows"]]


def test_tune_encodes_texts_with_the_model_of_the_index(run: Run, toy_index: Path, tmp_path: Path) -> None:
    shutil.copytree(toy_index, "toy")
    Path("queries.tsv").write_text("a\tbread of wild yeast\nb\twheels and pedals\nc\tthe slow ice of a glacier\n")
    code, out, err = run("tune", "toy", "--queries", "queries.tsv", "--recall", 0.5, "--k", 1, "--json")
    assert code == 0 and "encoding: 3 of 3 queries" in err
    assert json.loads(out)["tunings"][0]["queries"] == 1


def test_bad_calls_of_tune(run: Run) -> None:
    index_documents("index")
    Path("texts.tsv").write_text("a\twords\n")
    for arguments, message in [
        (("nowhere", "--queries", "queries.parquet"), "nowhere: no index here"),
        (("index",), "--queries"),
        (("index", "--queries", "nowhere.parquet"), "nowhere.parquet"),
        (("index", "--queries", "queries.parquet", "--recall", 1.5), "--recall"),
        (("index", "--queries", "queries.parquet", "--plot", "plot.gif"), "must end in .png or .svg"),
        (("index", "--queries", "texts.tsv"), "names no model"),
    ]:
        code, out, err = run("tune", *arguments)
        assert code == 2 and out == "" and message in err, arguments
    assert Index.open("index").sparse.tunings == ()

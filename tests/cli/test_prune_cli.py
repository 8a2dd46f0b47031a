"""`lsr prune`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lsr import Document, SparseVectors
from lsr.index import Index
from lsr.index.build.export import iter_vectors
from lsr.vectors.files import read_vectors

Run = Callable[..., tuple[int, str, str]]


def stored(path: str | Path) -> SparseVectors:
    return SparseVectors.concatenate(list(iter_vectors(Index.open(path))))


@pytest.mark.parametrize(
    ("option", "value"),
    [("top-k", 8), ("mass", 0.6), ("max-ratio", 0.5), ("threshold", 1.0), ("quantile", 0.4)],
)
def test_a_smaller_index_that_is_searched_by_text(run: Run, toy_index: Path, option: str, value: float) -> None:
    code, out, err = run("prune", toy_index, "-o", "small", f"--{option}", value, "--threads", 1)
    whole, rest = stored(toy_index), stored("small")
    assert (code, out) == (0, "") and "pruning: 5 of 5 documents" in err and "building: 5 of 5 documents" in err
    assert f"{rest.nnz:,} of {whole.nnz:,} postings kept" in err and "% dropped" in err and "MB before" in err
    assert 5 <= rest.nnz < whole.nnz
    for row in range(5):
        kept, (terms, weights) = dict(zip(*rest.row(row), strict=True)), whole.row(row)
        assert kept.items() <= dict(zip(terms, weights, strict=True)).items()
        assert terms[weights.argmax()] in kept
    # The model that made the index encodes the question.
    answer = json.loads(run("search", "small", "bread made of flour and yeast", "--json")[1])
    assert answer["hits"][0]["id"] == "sourdough" and "wild yeast" in answer["hits"][0]["text"]
    assert run("verify", "small")[0] == 0


def test_what_is_said_of_it(run: Run, toy_index: Path) -> None:
    whole = stored(toy_index)
    code, out, _ = run("prune", toy_index, "-o", "small", "--quantile", 0.4, "--json")
    found = json.loads(out)
    small = Index.open("small")
    assert code == 0 and found == {
        "output": "small",
        "rule": "quantile",
        "value": 0.4,
        "weight": float(np.sort(whole.weights)[int(0.4 * whole.nnz)]),
        "postings": whole.nnz,
        "kept": small.manifest.postings,
        "dropped_share": pytest.approx(1 - small.manifest.postings / whole.nnz),
        "bytes_before": Index.open(toy_index).describe()["bytes"]["total"],
        "bytes_after": small.describe()["bytes"]["total"],
    }
    assert 0.3 < found["dropped_share"] <= 0.4 and found["bytes_after"] < found["bytes_before"]
    assert "pruned by" in run("inspect", "small")[1] and "pruned by" not in run("inspect", toy_index)[1]
    assert run("prune", "small", "-o", "small", "--top-k", 5, "--force")[0] == 0
    described = json.loads(run("inspect", "small", "--json")[1])
    assert [(p["rule"], p["postings"], p["kept"]) for p in described["prunings"]] == [
        ("quantile", whole.nnz, found["kept"]),
        ("top_k", found["kept"], described["postings"]),
    ]
    shown = [line.split()[2:4] for line in run("inspect", "small")[1].splitlines() if line.startswith("pruned by")]
    assert shown == [["quantile", "0.4"], ["top_k", "5:"]]


def test_files_of_vectors(run: Run, toy_index: Path) -> None:
    assert run("export", toy_index, "-o", "docs.jsonl.gz")[0] == 0
    assert run("export", toy_index, "-o", "docs.parquet")[0] == 0
    code, out, err = run("prune", "docs.parquet", "-o", "small.parquet", "--top-k", 6)
    assert (code, out) == (0, "") and "top_k 6: 30 of" in err and "pruning: 5 vectors" in err
    expected = stored(toy_index).top_k(6)
    np.testing.assert_array_equal(read_vectors("small.parquet").indices, expected.indices)
    code, out, err = run("prune", "docs.jsonl.gz", "-o", "small.jsonl.gz", "--quantile", 0.4, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["kept"] == read_vectors("small.jsonl.gz").nnz and "weighing: 5 vectors" in err
    assert answer["bytes_after"] == Path("small.jsonl.gz").stat().st_size < answer["bytes_before"]
    # What was pruned as a file makes the index that is pruned as an index.
    assert run("index", "--vectors", "small.parquet", "-m", "splade-tiny", "-o", "from-file")[0] == 0
    assert run("prune", toy_index, "-o", "from-index", "--top-k", 6)[0] == 0
    one, other = stored("from-file"), stored("from-index")
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-6)


def test_bad_calls_leave_nothing(run: Run, toy_index: Path) -> None:
    Path("there").mkdir()
    (Path("there") / "file").write_text("mine")
    Path("v.jsonl").write_text('{"id": "a", "vector": {"x": 1.0}}\n')
    Path("bad.jsonl").write_text('{"id": "a", "vector": {"x": 1.0}}\n{"id": "b", "vector": {"x": NaN}}\n')
    Path("notes.txt").write_text("text")
    before = sorted(path.name for path in Path().iterdir())
    small = ("-o", "small")
    for arguments, message in [
        ((toy_index, *small), "give one of --top-k, --mass, --max-ratio, --threshold, --quantile"),
        ((toy_index, *small, "--top-k", 3, "--mass", 0.5), "give one rule, not --top-k and --mass"),
        ((toy_index, "--top-k", 3), "give --output"),
        ((toy_index, *small, "--top-k", 0), "--top-k"),
        ((toy_index, *small, "--top-k", "many"), "--top-k"),
        ((toy_index, *small, "--mass", 0), "mass must lie in (0, 1], not 0"),
        ((toy_index, *small, "--mass", "nan"), "mass must lie in"),
        ((toy_index, *small, "--max-ratio", 1.5), "max_ratio must lie in [0, 1], not 1.5"),
        ((toy_index, *small, "--threshold", -1), "threshold must be a finite weight of at least 0, not -1"),
        ((toy_index, *small, "--quantile", 1), "quantile must lie in [0, 1), not 1"),
        ((toy_index, "-o", toy_index, "--top-k", 3), "already holds an index"),
        ((toy_index, "-o", "there", "--top-k", 3, "--force"), "is a folder with other files"),
        ((toy_index, "-o", "small.jsonl.gz", "--top-k", 3), "lsr export"),
        (("nowhere", *small, "--top-k", 3), "nowhere: no index here"),
        (("there", *small, "--top-k", 3), "there: no index here"),
        (("notes.txt", *small, "--top-k", 3), "the name of a vector file must end in"),
        (("v.jsonl", *small, "--top-k", 3), "the name of a vector file must end in"),
        (("v.jsonl", "-o", "v.jsonl", "--top-k", 3), "v.jsonl already exists"),
        (("v.jsonl", "-o", "small.parquet", "--top-k", 3), "holds terms"),
        (("bad.jsonl", "-o", "small.jsonl", "--top-k", 3), "bad.jsonl:2"),
        ((toy_index, *small, "--top-k", 3, "--plot", "p.svg"), "need --curve"),
        ((toy_index, *small, "--top-k", 3, "--rule", "mass"), "need --curve"),
        ((toy_index, *small, "--curve", "there"), "leave out --output and the rule"),
        ((toy_index, "--curve", "there", "--top-k", 3), "leave out --output and the rule"),
        ((toy_index, "--curve", "there"), "qrels"),
        ((toy_index, "--curve", "there", "--plot", "curve.pdf"), "the name of a plot must end in"),
    ]:
        code, out, err = run("prune", *arguments)
        assert code == 2 and out == "" and message in err, (arguments, err)
    assert sorted(path.name for path in Path().iterdir()) == before
    assert stored(toy_index).nnz > 50


def test_a_damaged_index_is_named(run: Run, toy_index: Path) -> None:
    assert run("prune", toy_index, "-o", "small", "--top-k", 3)[0] == 0
    weights = next(Path("small").glob("segment-*/forward_weights.npy"))
    weights.write_bytes(weights.read_bytes()[:-3])
    code, _, err = run("prune", "small", "-o", "smaller", "--top-k", 2)
    assert code == 2 and "forward_weights.npy: expected" in err and not Path("smaller").exists()


# -- the curve -------------------------------------------------------------------------------------------------------


@pytest.fixture
def collection(toy_documents: list[Document], tmp_path: Path) -> Path:
    """The documents of the toy index, and two questions."""
    folder = tmp_path / "toy"
    (folder / "qrels").mkdir(parents=True)
    questions = {"q1": ("what do bakers keep alive", "sourdough"), "q2": ("flying to the Antarctic", "arctic-tern")}
    lines = [{"_id": d.id, "title": d.title, "text": d.text, **d.fields} for d in toy_documents]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    lines = [{"_id": id, "text": text} for id, (text, _) in questions.items()]
    (folder / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = "".join(f"{id}\t{answer}\t1\n" for id, (_, answer) in questions.items())
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    return folder


def test_the_curve(run: Run, toy_index: Path, collection: Path) -> None:
    pytest.importorskip("matplotlib")
    curve = ("prune", toy_index, "--curve", collection)
    code, out, err = run(*curve, "--rule", "top_k", "--rule", "quantile", "--plot", "curve.svg", "--threads", 1)
    assert code == 0 and "pruning: " in err and "indexes" in err
    lines = out.splitlines()
    assert lines[0].startswith("| rule | postings | share | nDCG@10") and lines[2].startswith("| unpruned |")
    assert "| 100.0% | 1.0000 |" in lines[2]
    assert any(line.startswith("| top_k 8 |") for line in lines)
    assert any(line.startswith("| quantile 0.9 (threshold ") for line in lines)
    assert not any("mass" in line for line in lines) and "quantile" in Path("curve.svg").read_text()
    code, out, _ = run(*curve, "--rule", "mass", "--json", "--threads", 1)
    answer = json.loads(out)
    assert (code, answer["collection"], answer["split"]) == (0, "toy", "test")
    assert [point["rule"] for point in answer["points"]][:2] == [None, "mass"]
    assert answer["points"][0]["ndcg"] == 1 and answer["points"][0]["postings"] == stored(toy_index).nnz
    assert sorted(path.name for path in Path().iterdir()) == ["curve.svg", "toy"]
    code, out, err = run(*curve, "--rule", "threshold")
    assert code == 2 and out == "" and "a threshold is equivalent to a quantile" in err


def test_without_matplotlib_there_is_a_table_without_a_plot(
    run: Run, toy_index: Path, collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    options = ("--rule", "mass", "--plot", "curve.svg", "--threads", 1)
    code, out, err = run("prune", toy_index, "--curve", collection, *options)
    assert code == 0 and "| mass 0.5 |" in out and "no plot: a plot needs matplotlib" in err
    assert not Path("curve.svg").exists()


def test_an_evaluation_does_not_take_it_for_the_models_own(run: Run, toy_index: Path, collection: Path) -> None:
    assert run("prune", toy_index, "-o", "small", "--top-k", 8)[0] == 0
    report = json.loads(run("eval", "toy", "--index", "small", "--no-bm25", "--json")[1])
    assert report["index"]["prunings"][0]["rule"] == "top_k"
    code, _, err = run("eval", "toy", "--index", "small", "-m", "splade-tiny", "--max-length", 64)
    assert code == 2 and "was pruned (top_k 8" in err

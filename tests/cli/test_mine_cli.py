"""`lsr mine`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from lsr.cli import mine
from lsr.core.errors import InputError
from lsr.training.data import TrainingSet

Run = Callable[..., Any]

DOCUMENTS = [
    ("tern", "Arctic tern", "A seabird that flies from the Arctic to the Antarctic and back each year."),
    ("skua", "Skua", "A seabird that robs other birds of the Arctic."),
    ("robin", "", "A small bird with a red breast."),
    ("bread", "Sourdough", "Bread leavened by wild yeast."),
    ("rolls", "", "Small loaves of bread, baked with yeast."),
    ("ice", "", "Frozen water."),
]
QUERIES = {"q0": ("which seabird flies to the Arctic", "tern"), "q1": ("bread with wild yeast", "bread")}


@pytest.fixture
def run() -> Run:
    app = typer.Typer()
    app.command()(mine.run)

    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A BEIR folder."""
    folder = tmp_path / "collection"
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": id, "title": title, "text": text}) for id, title, text in DOCUMENTS]
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    (folder / "queries.jsonl").write_text(
        "\n".join(json.dumps({"_id": id, "text": text}) for id, (text, _) in QUERIES.items())
    )
    qrels = [f"{id}\t{document}\t1" for id, (_, document) in QUERIES.items()]
    (folder / "qrels" / "train.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *qrels]))
    return folder


def negatives(path: Path) -> dict[str, list[str]]:
    mined = TrainingSet.open(path)
    examples = [mined[i] for i in range(len(mined))]
    return {example.query_id: [mined.texts.id(row) for row in example.negatives] for example in examples}


def test_from_a_collection(run: Run, collection: Path, tmp_path: Path) -> None:
    result = run(collection, "-o", tmp_path / "out", "-n", 2, "--top")
    assert result.exit_code == 0, result.output
    assert result.stdout == "" and "2 queries with" in result.stderr
    assert negatives(tmp_path / "out") == {"q0": ["skua"], "q1": ["rolls"]}
    assert "2 queries have fewer than 2 negatives" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collection", "out"]


def test_models_and_a_teacher(run: Run, collection: Path, tmp_path: Path) -> None:
    arguments = (collection, "-o", tmp_path / "out", "--with", "minilm", "--with", "splade-tiny", "--teacher", "minilm")
    result = run(*arguments, "--margin", 0.05, "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["with"] == ["minilm", "splade-tiny"] and record["teacher"] == "minilm"
    assert record["margin"] == {"ratio": None, "margin": 0.05, "most": None}
    assert record["queries"] == 2 and record["mean_candidates"] == 5
    found = negatives(tmp_path / "out")
    assert "tern" not in found["q0"] and "ice" in found["q0"] and "bread" not in found["q1"]


def test_an_index_and_a_set(run: Run, collection: Path, tmp_path: Path) -> None:
    from lsr import SparseEncoder
    from lsr.build.corpus import index_corpus
    from lsr.text import open_corpus

    index_corpus(open_corpus(collection), tmp_path / "index", SparseEncoder.load("splade-tiny", max_length=64))
    assert run(collection, "-o", tmp_path / "first", "-n", 1, "--top").exit_code == 0
    result = run(tmp_path / "first", "-o", tmp_path / "second", "--with", tmp_path / "index", "-n", 1, "--top")
    assert result.exit_code == 0, result.output
    first, second = negatives(tmp_path / "first"), negatives(tmp_path / "second")
    for id in QUERIES:
        assert second[id][: len(first[id])] == first[id] and len(second[id]) == len(first[id]) + 1
    replaced = run(tmp_path / "first", "-o", tmp_path / "third", "--with", tmp_path / "index", "-n", 1, "--replace")
    assert replaced.exit_code == 0 and all(len(found) == 1 for found in negatives(tmp_path / "third").values())


def test_what_is_refused(run: Run, collection: Path, tmp_path: Path) -> None:
    result = run(collection, "-o", tmp_path / "out", "--ratio", 0.9)
    assert result.exit_code == 2 and "name a --teacher" in result.stderr
    result = run(collection, "-o", tmp_path / "out", "--depth", 3, "--skip-top", 3)
    assert isinstance(result.exception, InputError) and "skip_top" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["collection"]


def test_what_the_data_lack_is_told(run: Run, collection: Path, tmp_path: Path) -> None:
    """Not found out when the set turns out small."""
    with (collection / "qrels" / "train.tsv").open("a") as qrels:
        qrels.write("\nq1\tnowhere\t1\nq2\tice\t1\n")
    said = run(collection, "-o", tmp_path / "mined", "--depth", 3, "-n", 1)
    assert said.exit_code == 0
    [told] = [line for line in said.output.splitlines() if "left out" in line]
    assert (
        "candidates without a text in the corpus: 1" in told
        and "records whose query is not in the collection: 1" in told
    )

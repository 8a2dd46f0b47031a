"""`lsr score`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from lsr.cli import score
from lsr.core.errors import InputError
from lsr.training.data import TrainingSet, TrainingSetWriter
from lsr.training.teachers import combine

Run = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    app = typer.Typer()
    app.command()(score.run)

    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def made_set(tmp_path: Path) -> Path:
    with TrainingSetWriter(tmp_path / "set") as writer:
        rows = [writer.add_text(f"d{i}", text) for i, text in enumerate(("bread and water", "ice", "bread and butter"))]
        writer.add("q0", "bread", [rows[0]], [rows[1], rows[2]])
        writer.add("q1", "cold ice", [rows[1]], [rows[0]])
    return tmp_path / "set"


def test_an_ensemble(run: Run, made_set: Path, tmp_path: Path) -> None:
    (tmp_path / "s.tsv").write_text("q0\td0\t3\nq0\td1\t1\nq0\td2\t2\nq1\td0\t9\nq1\td1\t8\n")
    out = tmp_path / "out"
    weighted = ("-t", tmp_path / "s.tsv", "-w", 1, "-w", 3)
    result = run(made_set, "-o", out, "-t", "bm25", *weighted, "--keep", tmp_path / "k")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "bm25: a positive first for" in result.stderr and "2 queries with scores" in result.stderr
    scored = TrainingSet.open(out)
    assert [teacher["name"] for teacher in scored.about["scored"]["teachers"]] == ["bm25", str(tmp_path / "s.tsv")]
    assert sorted(path.suffix for path in (tmp_path / "k").iterdir()) == [".parquet", ".parquet"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k", "out", "s.tsv", "set"]

    kept = tmp_path / "k" / "bm25.parquet"
    again = run(made_set, "-o", tmp_path / "again", "-t", kept, *weighted, "--json")
    assert again.exit_code == 0
    record = json.loads(again.stdout)
    assert record["queries"] == 2 and record["scale"] == 30
    assert [record["teachers"][i]["weight"] for i in (0, 1)] == [0.25, 0.75]
    for i in range(2):
        assert TrainingSet.open(tmp_path / "again")[i].scores == pytest.approx(scored[i].scores)


def test_bm25_of_another_corpus(run: Run, made_set: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(json.dumps({"_id": str(i), "text": "bread"}) for i in range(9)))
    own, other = tmp_path / "own", tmp_path / "other"
    assert run(made_set, "-o", own, "-t", "bm25").exit_code == 0
    assert run(made_set, "-o", other, "-t", "bm25", "--bm25-corpus", corpus).exit_code == 0
    assert TrainingSet.open(own)[1].scores[0] > 0 == TrainingSet.open(other)[1].scores[0]  # no "ice" in that corpus


def test_one_teacher_normalised(run: Run, made_set: Path, tmp_path: Path) -> None:
    assert run(made_set, "-o", tmp_path / "raw", "-t", "bm25").exit_code == 0
    assert run(made_set, "-o", tmp_path / "spread", "-t", "bm25", "--normalise", "--scale", 5).exit_code == 0
    raw, spread = TrainingSet.open(tmp_path / "raw"), TrainingSet.open(tmp_path / "spread")
    for i in range(2):
        [expected] = combine([[np.array(raw[i].scores, np.float32)]], scale=5)
        assert spread[i].scores == pytest.approx(expected.tolist())


def test_what_is_refused(run: Run, made_set: Path, tmp_path: Path) -> None:
    assert run(made_set, "-o", tmp_path / "out").exit_code == 2  # no teacher
    result = run(made_set, "-o", tmp_path / "out", "-t", "bm25", "-w", 1, "-w", 2)
    assert isinstance(result.exception, InputError)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]

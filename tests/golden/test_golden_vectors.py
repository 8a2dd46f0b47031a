"""Golden vector files, run files and training sets are read as they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from answers import HERE, compare
from encoded import describe_file, describe_set
from faces import SparseVectors, iter_vectors, read_run, read_vocabulary, write_vectors

VECTORS = HERE / "vectors"
FILES = json.loads((VECTORS / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_vector_files(name: str) -> None:
    compare(describe_file(VECTORS / name), FILES[name], exact=True, where=name)


def test_every_file_has_its_answers() -> None:
    assert {path.name for path in VECTORS.iterdir()} - {"answers.json"} == set(FILES)


def test_parquet_is_what_any_reader_sees() -> None:
    table = pq.read_table(VECTORS / "docs.parquet")
    ours = SparseVectors.load(VECTORS / "docs.parquet")
    assert table["id"].to_pylist() == list(ours.ids) and len(ours) == 72
    for row, (terms, weights) in enumerate(zip(table["indices"].to_pylist(), table["values"].to_pylist(), strict=True)):
        np.testing.assert_array_equal(ours.row(row)[0], terms)
        np.testing.assert_array_equal(ours.row(row)[1], np.array(weights, np.float32))


def test_json_lines_are_what_any_reader_sees() -> None:
    lines = [json.loads(line) for line in (VECTORS / "docs.jsonl").read_text(encoding="utf-8").splitlines()]
    vocabulary = read_vocabulary(VECTORS / "docs.jsonl")
    assert vocabulary is not None
    ours = SparseVectors.concatenate(list(iter_vectors(VECTORS / "docs.jsonl", vocabulary=vocabulary)))
    for row, line in enumerate(lines):
        terms, weights = ours.row(row)
        named = dict(zip((vocabulary.term(int(term)) for term in terms), weights.tolist(), strict=True))
        assert {term: np.float32(weight) for term, weight in line["vector"].items()} == named


@pytest.mark.parametrize("name", ["docs.parquet", "docs.jsonl", "docs.ciff"])
def test_what_is_written_again_is_read_the_same(name: str, tmp_path: Path) -> None:
    vocabulary, scale = read_vocabulary(VECTORS / name), FILES[name]["scale"]
    batches = iter_vectors(VECTORS / name, vocabulary=vocabulary)
    write_vectors(tmp_path / name, batches, vocabulary=vocabulary, scale=scale)
    assert describe_file(tmp_path / name) == FILES[name]


@pytest.mark.parametrize("name", ["plain.run", "plain.run.gz"])
def test_run_files(name: str) -> None:
    run = read_run(HERE / "runs" / name)
    lines = [line.split() for line in (HERE / "runs/plain.run").read_text(encoding="utf-8").splitlines()]
    assert len(run) == 12 and sum(map(len, run.values())) == len(lines)
    for query, _, id, rank, score, _ in lines:
        ranking = run[query]
        assert ranking.ids[int(rank) - 1] == id and np.float32(ranking.scores[int(rank) - 1]) == np.float32(score)


def test_training_set() -> None:
    expected = json.loads((HERE / "training/answers.json").read_text(encoding="utf-8"))
    compare(describe_set(HERE / "training/set"), expected, exact=True)

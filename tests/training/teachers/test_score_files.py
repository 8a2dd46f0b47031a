"""Scores in files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.core.errors import InputError, OutputExistsError
from lsr.training.data import TrainingSet
from lsr.training.teachers import FileTeacher
from lsr.training.teachers.files import write_scores
from lsr.training.teachers.pairs import Pairs


@pytest.fixture
def pairs(training_set: TrainingSet) -> Pairs:
    return Pairs.of(training_set)


@pytest.fixture
def table(pairs: Pairs) -> dict[tuple[str, str], float]:
    """A score for each pair of ids, and one that the set does not hold."""
    ids = {
        (pairs.query_ids[query], pairs.texts.id(int(row)))
        for query in range(len(pairs.queries))
        for row in pairs.candidates(query)
    }
    return {pair: number + 0.5 for number, pair in enumerate(sorted(ids))} | {("q0", "unheard of"): 9.0}


def check(path: Path, pairs: Pairs, table: dict[tuple[str, str], float]) -> None:
    scores = np.empty(len(pairs), np.float32)
    FileTeacher(path).score_pairs(pairs, scores, work=path.parent)
    for query in range(len(pairs.queries)):
        expected = [table[pairs.query_ids[query], pairs.texts.id(int(row))] for row in pairs.candidates(query)]
        assert scores[pairs.span(query)].tolist() == expected


@pytest.mark.parametrize("header", [True, False])
def test_tsv(pairs: Pairs, table: dict[tuple[str, str], float], tmp_path: Path, header: bool) -> None:
    lines = [f"{query}\t{text}\t{score}" for (query, text), score in table.items()]
    (tmp_path / "s.tsv").write_text("\n".join(["query_id\ttext_id\tscore"] * header + lines) + "\n")
    check(tmp_path / "s.tsv", pairs, table)


def test_jsonl(pairs: Pairs, table: dict[tuple[str, str], float], tmp_path: Path) -> None:
    rows = [{"query_id": query, "text_id": text, "score": score} for (query, text), score in table.items()]
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    check(tmp_path / "s.jsonl.gz", pairs, table)


def test_parquet(pairs: Pairs, table: dict[tuple[str, str], float], tmp_path: Path) -> None:
    columns = {
        "score": list(table.values()),
        "text_id": [text for _, text in table],
        "query_id": [query for query, _ in table],
    }
    pq.write_table(pa.table(columns), tmp_path / "s.parquet")
    check(tmp_path / "s.parquet", pairs, table)


def test_what_is_written_is_read(pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.training.teachers.files._PAIRS", 2)
    given = np.arange(len(pairs), dtype=np.float32)
    given[-1] = 0  # the last example repeats the first one's query and positive
    write_scores(tmp_path / "s.parquet", pairs, given)
    found = np.empty(len(pairs), np.float32)
    FileTeacher(tmp_path / "s.parquet").score_pairs(pairs, found, work=tmp_path)
    np.testing.assert_array_equal(found, given)
    with pytest.raises(OutputExistsError):
        write_scores(tmp_path / "s.parquet", pairs, given)


def test_a_score_that_is_missing(pairs: Pairs, table: dict[tuple[str, str], float], tmp_path: Path) -> None:
    del table["q2", "bread"], table["q2", "glacier"]
    lines = [f"{query}\t{text}\t{score}" for (query, text), score in table.items()]
    (tmp_path / "s.tsv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"s\.tsv: no score for query 'q2' and text 'bread', nor for 1 other pairs"):
        check(tmp_path / "s.tsv", pairs, table)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.tsv", "q0\ttern\t1\nq0\ttern", r"s\.tsv:2: expected 3 columns"),
        ("s.tsv", "q0\ttern\thigh", r"s\.tsv:1: .*could not convert"),
        ("s.tsv", "q0\ttern\tnan", r"s\.tsv:1: .*not a finite number"),
        ("s.tsv", "q0\t\t1", r"s\.tsv:1: .*is empty"),
        ("s.jsonl", '{"query_id": "q0", "score": 1}', r"s\.jsonl:1: field 'text_id': missing"),
        ("s.jsonl", '{"query_id": "q0", "text_id": "tern", "score": null}', r"s\.jsonl:1: .*not a finite number"),
        ("s.jsonl", "[]", r"s\.jsonl:1: "),
    ],
)
def test_bad_files(pairs: Pairs, tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        check(tmp_path / name, pairs, {})


def test_other_endings_and_missing_files(pairs: Pairs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.parquet, \.jsonl, \.tsv"):
        FileTeacher("scores.csv")
    with pytest.raises(InputError, match=r"none\.tsv"):
        check(tmp_path / "none.tsv", pairs, {})


def test_a_batch_has_no_ids(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="score_training_set"):
        FileTeacher(tmp_path / "s.tsv").score(["bread"], [["ice"]])

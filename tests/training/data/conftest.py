"""Small files of training data."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lsr.training.data import TrainingSet, TrainingSetWriter, open_training_set

CORPUS = {"d1": ("Tern", "a seabird"), "d2": ("", "leavened bread"), "d3": ("Ice", "moves downhill"), "d4": ("", "x")}
QUERIES = {"q1": "birds", "q2": "baking", "q3": "cold"}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(name, lines, objects or bytes): the file's path, compressed as the name says."""

    def write(name: str, *lines: Any) -> Path:
        data = b"".join(
            line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode() + b"\n"
            for line in lines
        )
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".gz":
            data = gzip.compress(data)
        elif path.suffix == ".zst":
            data = pa.compress(data, codec="zstd", asbytes=True)
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def beir(write: Callable[..., Path], tmp_path: Path) -> Path:
    """A BEIR folder of four documents and three queries, with graded judgements."""
    write("beir/corpus.jsonl", *({"_id": id, "title": title, "text": text} for id, (title, text) in CORPUS.items()))
    write("beir/queries.jsonl", *({"_id": id, "text": text} for id, text in QUERIES.items()))
    write("beir/qrels/train.tsv", "query-id\tcorpus-id\tscore", "q1\td2\t0", "q1\td3\t1", "q1\td1\t2", "q2\td2\t1")
    return tmp_path / "beir"


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[..., TrainingSet]:
    """make_set(examples of (positives, negatives, scores), texts): a training set."""

    def make_set(*examples: tuple[list[int], list[int], list[float] | None], texts: int = 10) -> TrainingSet:
        path = tmp_path / f"set-{len(list(tmp_path.iterdir()))}"
        with TrainingSetWriter(path) as writer:
            for number in range(texts):
                writer.add_text(f"d{number}", f"text {number}")
            for number, (positives, negatives, scores) in enumerate(examples):
                writer.add(f"q{number}", f"query {number}", positives, negatives, scores)
        return TrainingSet.open(path)

    return make_set


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., TrainingSet]:
    """open_training_set with a work folder."""

    def opened(source: str | Path, **options: Any) -> TrainingSet:
        return open_training_set(source, work=tmp_path / "work", **options)

    return opened

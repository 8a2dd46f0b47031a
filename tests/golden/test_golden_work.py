"""What an interrupted run of the golden code left is gone on with, to what an uninterrupted one gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from answers import HERE, Stored
from faces import (
    DenseEncoder,
    Index,
    OutputExistsError,
    SparseEncoder,
    TokenEncoder,
    WindowSettings,
    add_dense_vectors,
    add_token_vectors,
    dense_vectors,
    index_corpus,
    late_scores,
    open_corpus,
    verify,
)

Run = Callable[..., tuple[int, str, str]]
PLAIN = HERE / "index/format-3/plain/index"
CUT = WindowSettings(words=24, stride=16)
# bytes of weights, and dense numbers, may be one off where another processor encoded what was left
CLOSE = 0.02


def build(folder: Path, corpus: str, windows: Any, **options: Any) -> Index:
    encoder = SparseEncoder.load("lsr-golden/doc", max_length=40, dtype="float32")
    settings = {"windows": windows, "top_k": 30} | options
    return index_corpus(open_corpus(HERE / f"{corpus}.jsonl"), folder / "index", encoder, **settings)


@pytest.mark.parametrize(("name", "corpus", "windows"), [("plain", "corpus", None), ("windows", "long", CUT)])
def test_an_index_is_gone_on_with(
    name: str, corpus: str, windows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(HERE / "work" / name, tmp_path / "resumed")
    done = [
        row for path in sorted((HERE / "work" / name).glob("*/*.parquet")) for row in pq.read_table(path).to_pylist()
    ]
    with pytest.raises(OutputExistsError, match="top_k was 30, is 29"):
        build(tmp_path / "resumed", corpus, windows, top_k=29)

    encoded: list[str] = []
    whole = SparseEncoder.encode_documents

    def remember(self: Any, texts: Any, ids: Any = None, **options: Any) -> Any:
        encoded.extend(ids)
        return whole(self, texts, ids, **options)

    monkeypatch.setattr(SparseEncoder, "encode_documents", remember)
    resumed = build(tmp_path / "resumed", corpus, windows)
    # Rows go by id; encoded is in the order of the corpus.
    added = resumed.documents.as_added()
    rows = resumed.documents.row_ids(added)
    assert [row["id"] for row in done] + encoded == rows and len(done) == 40
    assert [path.name for path in (tmp_path / "resumed").iterdir()] == ["index"] and verify(resumed.path) == []

    unbroken = build(tmp_path / "unbroken", corpus, windows)
    assert unbroken.documents.row_ids(added) == rows and unbroken.documents.as_added().tolist() == added.tolist()
    for row in range(len(rows)):
        assert resumed.documents.at(row) == unbroken.documents.at(row)
        np.testing.assert_array_equal(resumed.vector(row)[0], unbroken.vector(row)[0])
        np.testing.assert_allclose(resumed.vector(row)[1], unbroken.vector(row)[1], rtol=CLOSE, atol=CLOSE)
    # The vectors that were there are those that are stored, to half a step of 8 bits.
    for row, shard in zip(added.tolist(), done, strict=False):
        step = resumed.describe()["weight_scale"]
        np.testing.assert_array_equal(resumed.vector(row)[0], shard["indices"])
        np.testing.assert_allclose(resumed.vector(row)[1], shard["values"], atol=step * 1.001)
    for text in ("vectors of documents", "the server and its limits"):
        query = SparseEncoder.load("lsr-golden/doc", queries_only=True).encode_queries([text]).row(0)
        found, expected = resumed.search(*query, k=5), unbroken.search(*query, k=5)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=CLOSE)


def copied(name: str, folder: Path) -> Index:
    shutil.copytree(PLAIN, folder / "index")
    shutil.copytree(HERE / "work" / name / f"index.{name}", folder / f"index.{name}")
    return Index.open(folder / "index")


def counting(monkeypatch: pytest.MonkeyPatch, kind: Any) -> list[str]:
    whole, encoded = kind.stream_documents, []

    def remember(self: Any, texts: Any, **options: Any) -> Any:
        texts = list(texts)
        encoded.extend(texts)
        return whole(self, texts, **options)

    monkeypatch.setattr(kind, "stream_documents", remember)
    return encoded


def test_dense_vectors_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = copied("dense", tmp_path)
    encoder = DenseEncoder.load("lsr-golden/dense", dtype="float32")
    encoded = counting(monkeypatch, DenseEncoder)
    resumed = add_dense_vectors(index, encoder)
    assert encoded == [index.documents.at(row).contents for row in range(40, 72)]
    stored = np.fromfile(HERE / "work/dense/index.dense/vectors.f32", np.float32).reshape(-1, 8)
    assert len(stored) == 40
    found = np.array(dense_vectors(resumed))
    np.testing.assert_array_equal(found[:40], stored)
    np.testing.assert_allclose(found, dense_vectors(add_dense_vectors(resumed, encoder, force=True)), atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["index"] and verify(index.path) == []


def test_token_vectors_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = copied("late", tmp_path)
    encoder = TokenEncoder.load("lsr-golden/late", dtype="float32")
    encoded = counting(monkeypatch, TokenEncoder)
    resumed = add_token_vectors(index, encoder)
    assert encoded == [index.documents.at(row).contents for row in range(40, 72)]
    query = Stored().late("read a file of vectors")
    found = late_scores(resumed, query)
    np.testing.assert_allclose(found, late_scores(add_token_vectors(resumed, encoder, force=True), query), rtol=1e-3)
    # Of the texts that were encoded before, the golden hybrid index has the same vectors: scores are equal to the bit.
    golden = late_scores(Index.open(HERE / "index/format-3/hybrid/index"), query)
    np.testing.assert_array_equal(found[:40], golden[:40])
    assert [path.name for path in tmp_path.iterdir()] == ["index"] and verify(index.path) == []


def test_training_is_gone_on_with(run: Run, tmp_path: Path) -> None:
    shutil.copytree(HERE / "training", tmp_path, dirs_exist_ok=True)
    code, out, _ = run("train", "run", "--json")
    assert code == 0 and json.loads(out)["model"] == "run/model"
    log, whole = (
        [json.loads(line) for line in Path(name).read_text().splitlines()]
        for name in ("run/log.jsonl", "whole-log.jsonl")
    )
    assert [line["step"] for line in log] == [line["step"] for line in whole] == [1, 2, 3, 4, 5, 6, 6]
    for found, expected in zip(log[:6], whole[:6], strict=True):
        assert found["loss"] == pytest.approx(expected["loss"], rel=1e-3), found["step"]
    assert SparseEncoder.load("run/model").dim == 256
    # A run that has finished is left as it is.
    written = Path("run/model/model.safetensors").stat().st_mtime_ns
    assert run("train", "run")[0] == 0 and Path("run/model/model.safetensors").stat().st_mtime_ns == written

"""Pruning files of vectors: every format, what is kept of it, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.vocabulary import Vocabulary
from lsr.vectors.files import iter_vectors, read_vectors, read_vocabulary, recorded_scale, write_vectors
from lsr.vectors.prune_file import prune_file
from lsr.vectors.pruning import Mass, Pruning, Quantile, Threshold, TopK
from lsr.vectors.sparse import SparseVectors

VOCABULARY = Vocabulary(["auk", "bee", "cat", "dog"])
VECTORS = SparseVectors.from_rows(
    [([0, 1, 3], [4.0, 1.0, 2.0]), ([], []), ([2], [0.5]), ([0, 2, 3], [1.0, 8.0, 1.0])], ["a", "b", "c", "d"], 4
)


def written(path: Path, vectors: SparseVectors = VECTORS, **options: float) -> Path:
    write_vectors(path, [vectors], vocabulary=None if path.suffix == ".parquet" else VOCABULARY, **options)
    return path


@pytest.mark.parametrize("name", ["v.parquet", "v.jsonl", "v.jsonl.gz", "v.jsonl.zst", "v.ciff", "v.ciff.zst"])
def test_every_format(tmp_path: Path, name: str) -> None:
    scale = {"scale": 16.0} if "ciff" in name else {}
    source, path = written(tmp_path / name, **scale), tmp_path / f"pruned-{name}"
    rest = prune_file(source, path, TopK(2))
    assert rest == Pruning("top_k", 2, None, 7, 5)
    found, expected = read_vectors(path), VECTORS.top_k(2)
    assert found.ids == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    if "parquet" in name:
        assert found.dim == 4  # which the largest term id alone would not say
        terms = found.indices.tolist()
    else:
        names = read_vocabulary(path)
        assert names is not None
        terms = [VOCABULARY.id(names.term(term)) for term in found.indices]
    assert terms == expected.indices.tolist()
    np.testing.assert_array_equal(found.weights, expected.weights)


def test_a_quantile_of_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights 0.5 1 1 1 2 4 8: 4 of 7 may go, and 0.5 is the last of its document."""
    monkeypatch.setattr(
        "lsr.vectors.prune_file.iter_vectors",
        lambda path, vocabulary: iter_vectors(path, vocabulary=vocabulary, batch_rows=1),
    )
    done = prune_file(written(tmp_path / "v.parquet"), tmp_path / "w.parquet", Quantile(0.6))
    assert done == Pruning("quantile", 0.6, 2.0, 7, 4)
    assert read_vectors(tmp_path / "w.parquet").weights.tolist() == [4, 2, 0.5, 8]


def test_integers_of_ciff_stay(tmp_path: Path) -> None:
    """Those of another program too, beyond the 255 that a fresh file is given."""
    ours = written(tmp_path / "ours.ciff", scale=7)
    assert recorded_scale(ours) == 7 and recorded_scale(written(tmp_path / "v.jsonl")) is None
    theirs = tmp_path / "theirs.ciff"
    theirs.write_bytes(ours.read_bytes().replace(b"tf = weight", b"about those"))
    assert recorded_scale(theirs) == 1
    for source in (ours, theirs):
        prune_file(source, tmp_path / "pruned.ciff", TopK(1), force=True)
        integers = read_vectors(tmp_path / "pruned.ciff", scale=1).weights
        assert sorted(integers.tolist()) == [4, 28, 56]  # 0.5, 4 and 8, times 7; 3.5 is rounded to even
    assert recorded_scale(tmp_path / "pruned.ciff") == 1


def test_terms_can_change_their_format(tmp_path: Path) -> None:
    prune_file(written(tmp_path / "v.jsonl"), tmp_path / "w.ciff", Mass(0.9))
    prune_file(tmp_path / "w.ciff", tmp_path / "w.jsonl", Threshold(0))
    lines = [json.loads(line) for line in (tmp_path / "w.jsonl").read_text().splitlines()]
    assert [sorted(line["vector"]) for line in lines] == [["auk", "bee", "dog"], [], ["cat"], ["auk", "cat"]]


def test_in_place(tmp_path: Path) -> None:
    path = written(tmp_path / "v.parquet")
    with pytest.raises(OutputExistsError, match="force=True"):
        prune_file(path, path, TopK(1))
    prune_file(path, path, TopK(1), force=True)
    assert read_vectors(path).indices.tolist() == [0, 2, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.parquet"]


def test_a_file_without_vectors(tmp_path: Path) -> None:
    path = written(tmp_path / "v.parquet", SparseVectors.empty(9))
    assert prune_file(path, tmp_path / "w.parquet", Quantile(0.5)) == Pruning("quantile", 0.5, 0.0, 0, 0)
    assert read_vectors(tmp_path / "w.parquet").dim == 9


def test_what_is_refused(tmp_path: Path) -> None:
    ids, terms = written(tmp_path / "v.parquet"), written(tmp_path / "v.jsonl")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "a", "vector": {"x": 1}}\n{"id": "b", "vector": {"x": -1}}\n')
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(ids.read_bytes()[:-20])
    before = sorted(tmp_path.iterdir())
    for source, name, message in [
        (tmp_path / "none.parquet", "w.parquet", "none.parquet: no such file"),
        (tmp_path / "v.txt", "w.parquet", "the name of a vector file must end in"),
        (ids, "w.txt", "the name of a vector file must end in"),
        (ids, "w.jsonl", "v.parquet: holds term ids: name the output .parquet"),
        (terms, "w.parquet", "v.jsonl: holds terms: name the output .jsonl or .ciff"),
        (bad, "w.jsonl", r"bad.jsonl:2: field 'vector.x'"),
        (damaged, "w.parquet", "damaged.parquet: not a readable Parquet file"),
    ]:
        for rule in (TopK(1), Quantile(0.5)):
            with pytest.raises(InputError, match=message):
                prune_file(source, tmp_path / name, rule)
    assert sorted(tmp_path.iterdir()) == before

"""Damage on disk: opening notices what it can, `verify` the rest, and each says which file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors
from index_tampering import edit_array, edit_manifest

from lsr.core.errors import IndexFormatError
from lsr.core.files import crc32
from lsr.index import FORMAT_VERSION, Index, IndexBuilder, IndexSettings, verify
from lsr.index.format.arrays import write_array
from lsr.index.format.manifest import FROZEN_VERSION


def test_a_header_of_another_length_is_refused(build):
    """It would be read without an error, and shift all values."""
    index = build(random_vectors(60, 30))
    path = index.path / index.manifest.segment / "forward_indptr.npy"
    damaged = bytearray(path.read_bytes())
    damaged[8] = 0x56
    path.write_bytes(damaged)
    with pytest.raises(IndexFormatError, match=r"forward_indptr\.npy: not a readable array"):
        Index.open(index.path)


def test_any_flipped_bit_of_a_header_or_a_manifest_is_noticed(build):
    index = build(random_vectors(60, 30))
    array = index.path / index.manifest.segment / "ids_indptr.npy"
    manifest = index.path / "manifest.json"
    random = np.random.default_rng(0)
    for path, end in ((array, 128), (manifest, manifest.stat().st_size)):
        whole = path.read_bytes()
        for at in random.permutation(end)[:600]:
            damaged = bytearray(whole)
            damaged[at] ^= 1 << int(random.integers(8))
            path.write_bytes(damaged)
            try:
                opened = Index.open(index.path)
            except IndexFormatError as error:
                assert str(path) in str(error)
            else:  # white space
                assert opened.manifest == index.manifest
                assert np.array_equal(opened.parts["ids"].indptr, index.parts["ids"].indptr)
        path.write_bytes(whole)


def test_verify_while_the_index_is_replaced(build, monkeypatch):
    """The files vanish between the look at their sizes and the reading."""
    index = build(random_vectors(60, 30))
    replacements = iter([random_vectors(5, 30)])

    def replace_first(path: Path) -> int:
        for vectors in replacements:
            build(vectors, path=index.path, force=True)
        return crc32(path)

    monkeypatch.setattr("lsr.index.format.files.crc32", replace_first)
    assert verify(index.path) == []
    assert len(Index.open(index.path)) == 5


def test_verify_names_a_file_that_cannot_be_read(build, monkeypatch):
    index = build(random_vectors(60, 30))

    def fail(path: Path) -> int:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr("lsr.index.format.files.crc32", fail)
    problems = verify(index.path)
    assert len(problems) == len(index.manifest.segments[0].files)
    assert "documents.arrow: not readable ([Errno 5] Input/output error" in problems[0]


def test_truncated_missing_and_changed_files(build):
    index = build(random_vectors(60, 30))
    folder = index.path / index.manifest.segment
    for name, record in index.manifest.segments[0].files.items():
        whole = (folder / name).read_bytes()
        os.truncate(folder / name, record.bytes - 1)
        says = f"{name}: expected {record.bytes:,} bytes, found {record.bytes - 1:,}"
        with pytest.raises(IndexFormatError, match=says):
            Index.open(index.path)
        assert any(says in problem for problem in verify(index.path))
        (folder / name).unlink()
        with pytest.raises(IndexFormatError, match=f"{name}: missing"):
            Index.open(index.path)
        assert any(f"{name}: missing" in problem for problem in verify(index.path))
        (folder / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert any(f"{name}: expected CRC-32" in problem for problem in verify(index.path))
        (folder / name).write_bytes(whole)
    assert verify(index.path) == []


def test_other_versions_and_damaged_manifests(build, tmp_path):
    path = build(random_vectors(5, 30)).path
    manifest = path / "manifest.json"
    record = json.loads(manifest.read_text())
    assert record["format_version"] == FROZEN_VERSION == 3
    cases = {
        json.dumps({**record, "format_version": 1, "library_version": "0.1.0"}): "index format 1, written by lsr 0.1.0",
        json.dumps({**record, "format_version": FORMAT_VERSION + 1}): f"reads format {FORMAT_VERSION}; install a newer",
        json.dumps({**record, "format": "other"}): "not the manifest of an lsr index",
        json.dumps([]): "not the manifest of an lsr index",
        json.dumps({**record, "weight_scale": 1.0}): "damaged manifest (its values do not match its CRC-32)",
        json.dumps({**record, "segment": None}): "damaged manifest",
        manifest.read_text()[:-40]: "damaged manifest",
        "[" * 100_000: "damaged manifest",
    }
    for text, says in cases.items():
        manifest.write_text(text)
        with pytest.raises(IndexFormatError, match=re.escape(says)):
            Index.open(path)
        assert says in verify(path)[0]
    edits = {
        "expected 7 int64 values": lambda record: record.update(documents=6),
        "damaged manifest": lambda record: record.pop("dim"),
        "field 'files': must be an object, not 1": lambda record: record.update(dim=30, documents=5, files=1),
    }
    manifest.write_text(json.dumps(record))
    for says, edit in edits.items():
        edit_manifest(path, edit)
        with pytest.raises(IndexFormatError, match=says):
            Index.open(path)
        assert says in verify(path)[0]
    for nowhere in (tmp_path / "nowhere", manifest):
        with pytest.raises(IndexFormatError, match="no index here"):
            Index.open(nowhere)


def put(at: int | slice, values: Any) -> Callable[[np.ndarray], None]:
    """A change of an array in place."""
    return lambda array: array.__setitem__(at, values(array) if callable(values) else values)


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("forward_terms.npy", put(3, 30), "not below 30"),
        ("forward_terms.npy", put(slice(0, 2), lambda a: a[1::-1].copy()), "do not ascend"),
        ("forward_indptr.npy", put(2, 0), "offsets do not ascend"),
        ("forward_indptr.npy", put(-1, 10**9), "offsets do not ascend"),
        ("forward_weights.npy", put(5, 0), "weight is zero"),
        ("order_rows.npy", put(0, lambda a: a[1]), "not every row occurs exactly once"),
        ("order_rows.npy", put(0, 60), "a number is not below 60"),
        ("order_positions.npy", put(slice(0, 2), lambda a: a[1::-1].copy()), "not the positions of the rows"),
        ("order_positions.npy", put(0, 10**9), "a number is not below 60"),
        ("term_documents.npy", put(3, lambda a: a[3] + 1), "not the number of documents of each term"),
        ("summary_dense_terms.npy", put(0, lambda a: a[1]), "not different and in range"),
        ("summary_dense_terms.npy", put(0, 30), "not different and in range"),
        ("summary_dense_weights.npy", put(0, 255), "weight exceeds its term's maximum"),
        ("summary_list_starts.npy", put(20, 10**9), "offsets do not ascend"),
        ("summary_list_blocks.npy", put(0, 15), "outside its window"),
        ("summary_list_weights.npy", put(1, 255), "do not descend within a list"),
        ("summary_term_maxima.npy", put(slice(None), 1), "weight exceeds its term's maximum"),
        ("id_hashes.npy", put(0, 2**64 - 1), "not sorted"),
        ("id_rows.npy", put(0, lambda a: a[1]), "not every row"),
    ],
)
def test_verify_looks_inside(build, file, change, says):
    index = build(random_vectors(60, 30, 8), settings=IndexSettings(frequent_share=0.4, block_size=4))
    assert verify(index.path) == []
    edit_array(index, file, change)
    assert any(file in problem and says in problem for problem in verify(index.path))


@pytest.mark.parametrize("count", [61, -1])
def test_verify_looks_at_token_frequencies(tmp_path, count):
    frequencies = np.full(30, 60)
    with IndexBuilder(tmp_path / "index", dim=30) as builder:
        builder.add(random_vectors(60, 30, 8))
        builder.count_tokens(frequencies)
        index = builder.finish()
    assert index.parts["terms"].tokens is not None and index.parts["terms"].tokens.tolist() == [60] * 30
    assert verify(index.path) == []
    edit_array(index, "term_tokens.npy", put(3, count))
    assert any("term_tokens.npy" in problem for problem in verify(index.path))


@pytest.mark.parametrize("file", ["summary_dense_weights.npy", "forward_deficits.npy"])
def test_a_file_of_another_length_is_refused(build, file):
    index = build(random_vectors(60, 30, 8), settings=IndexSettings(weight_bits=16))
    path = index.path / index.manifest.segment / file
    write_array(path, np.load(path)[:-1])
    edit_manifest(index.path, lambda record: record["files"][file].update(crc32=crc32(path), bytes=path.stat().st_size))
    with pytest.raises(IndexFormatError, match=rf"{file}: expected .* uint8 values"):
        Index.open(index.path)
    assert len(verify(index.path)) == 1

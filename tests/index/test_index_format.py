"""The folder on disk: publishing, refusing, damage, removal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors
from index_tampering import edit_array, edit_manifest

from lsr.documents import Document
from lsr.errors import IndexFormatError, InputError, NotFoundError, OutputExistsError
from lsr.files import crc32
from lsr.index import FORMAT_VERSION, Index, IndexBuilder, IndexSettings, check_index_output, verify
from lsr.index.arrays import write_array
from lsr.vectors import SparseVectors
from lsr.vocabulary import Vocabulary


def tree(path: Path) -> list[str]:
    return sorted(str(entry.relative_to(path)) for entry in path.rglob("*"))


def test_documents_and_vectors_come_back(build):
    vectors = random_vectors(1100, 50)
    documents = [Document(f"d{i}", f"text {i} – ü", f"title {i}" if i % 2 else "") for i in range(1100)]
    documents[700] = Document("d700", "with fields", "", {"year": 1999, "tags": ["a", "ß"]})
    index = build(vectors, documents)
    assert len(index) == 1100
    for row in (0, 1, 511, 512, 700, 1099):
        assert index.document_at(row) == documents[row]
        assert index.document(f"d{row}") == documents[row]
        assert index.row(f"d{row}") == row
        terms, weights = index.vector(row)
        assert terms.dtype == np.uint32
        assert weights.dtype == np.float32
        assert terms.tolist() == vectors.row(row)[0].tolist()
        assert np.abs(weights - vectors.row(row)[1]).max(initial=0) <= index.manifest.weight_scale / 2 + 1e-6
    for missing in ("d1100", "", "\ud800"):
        with pytest.raises(NotFoundError):
            index.row(missing)
    for row in (-1, 1100):
        with pytest.raises(NotFoundError):
            index.document_at(row)


def test_small_weights_do_not_vanish(build):
    index = build(SparseVectors.from_rows([([0, 1], [1000.0, 1e-6])], dim=2))
    assert index.vector(0)[1] == pytest.approx([1000.0, 1000 / 255])
    assert index.search([1], [1.0]).rows.tolist() == [0]


@pytest.mark.parametrize("heaviest", [1e-45, 1e-31, 1e31])
def test_weights_beyond_float32_scores_are_refused(tmp_path, heaviest):
    with IndexBuilder(tmp_path / "index", dim=2) as builder:
        builder.add(SparseVectors.from_rows([([0], [1e-45]), ([0, 1], [heaviest, 1e-45])], dim=2))
        with pytest.raises(InputError, match=r"heaviest weight must lie in 1e-30 … 1e\+30, not 1"):
            builder.finish()
    assert tree(tmp_path) == []


@pytest.mark.parametrize("heaviest", [1e-30, 1e30])
def test_weights_at_the_ends_of_the_range(build, heaviest):
    index = build(SparseVectors.from_rows([([0], [heaviest]), ([0, 1], [heaviest / 2, heaviest])], dim=2))
    hits = index.search([0, 1], [1.0, 0.25])
    assert hits.rows.tolist() == [0, 1]
    assert hits.scores == pytest.approx([heaviest, 0.75 * heaviest], rel=0.01)
    for weight in (1e-20, 1e20):
        if 1e-36 < weight * heaviest < 1e36:
            assert index.search([0], [weight]).rows.tolist() == [0, 1]
        else:
            with pytest.raises(InputError, match=r"weight .* of term 0 is too small or too large"):
                index.search([0], [weight])


def test_vocabulary_encoder_and_description(build):
    vocabulary = Vocabulary(["a", "line\nbreak", "ü", "\ud800"])
    vectors = SparseVectors.from_rows([([0, 3], [1.0, 2.0])], dim=4)
    index = build(vectors, vocabulary=vocabulary, encoder={"model": "m"})
    index = Index.open(index.path)
    assert index.vocabulary == vocabulary
    assert index.encoder == {"model": "m"}
    description = index.describe()
    json.dumps(description)
    assert description["documents"] == 1
    assert description["postings"] == 2
    on_disk = sum(path.stat().st_size for path in index.path.rglob("*") if path.is_file())
    assert index.space()["total"] == description["bytes"]["total"] == on_disk


def test_refused_input(tmp_path):
    vectors = random_vectors(5, 30)
    with IndexBuilder(tmp_path / "index", dim=30) as builder:
        with pytest.raises(InputError, match="31"):
            builder.add(random_vectors(2, 31))
        with pytest.raises(InputError, match="came with 1 documents"):
            builder.add(vectors, [Document("d0", "")])
        builder.add(vectors)
        wrong = [Document(f"d{i}", "") for i in (5, 6, 7, 9, 8)]
        more = SparseVectors(vectors.indptr, vectors.indices, vectors.weights, [f"d{i}" for i in range(5, 10)], 30)
        with pytest.raises(InputError, match="row 8: vector 'd8' came with document 'd9'"):
            builder.add(more, wrong)
        wrong[3:] = [Document("d8", "broken \ud800"), Document("d9", "")]
        with pytest.raises(InputError, match=r"text.*'d8'.*Unicode"):
            builder.add(more, wrong)
        nested: list = []
        for _ in range(100_000):
            nested = [nested]
        for value in (object(), float("nan"), nested, "\ud800"):
            wrong[3] = Document("d8", "", "", {"x": value})
            with pytest.raises(InputError, match=r"fields.*'d8'.*JSON"):
                builder.add(more, wrong)
        bad = SparseVectors([0, 1], [99], [1.0], ["x"], 30, validate=False)
        with pytest.raises(InputError, match="99"):
            builder.add(bad)
        assert len(builder) == 5
    with pytest.raises(InputError, match="vocabulary has 1 terms"):
        IndexBuilder(tmp_path / "index", dim=2, vocabulary=Vocabulary(["a"]))
    for value in (object(), "\ud800"):
        with pytest.raises(InputError, match="JSON"):
            IndexBuilder(tmp_path / "index", dim=2, encoder={"x": value})
    assert tree(tmp_path) == []


def test_no_documents(tmp_path):
    with pytest.raises(InputError, match="no document"), IndexBuilder(tmp_path / "index", dim=3) as builder:
        builder.finish()
    assert tree(tmp_path) == []


def test_duplicate_id_names_both_rows(tmp_path):
    vectors = random_vectors(40, 30)
    again = SparseVectors.from_rows([([1], [1.0])] * 3, ["x", "d17", "y"], 30)
    message = "id 'd17' stands twice: in row 17 and in row 41"
    with pytest.raises(InputError, match=message), IndexBuilder(tmp_path / "index", dim=30) as builder:
        builder.add(vectors)
        builder.add(again)
        builder.finish()
    assert tree(tmp_path) == []


def test_colliding_hashes_are_told_apart(build, monkeypatch):
    monkeypatch.setattr("lsr.index.ids.hash_id", lambda encoded: len(encoded) % 2)
    index = build(random_vectors(120, 30))
    assert [index.row(f"d{i}") for i in range(120)] == list(range(120))
    with pytest.raises(NotFoundError):
        index.row("d120")
    batches = [SparseVectors.from_rows([([1], [1.0])] * 3, ids, 30) for ids in (["a", "b", "c"], ["d", "e", "b"])]
    message = "'b' stands twice: in row 1 and in row 5"
    with pytest.raises(InputError, match=message), IndexBuilder(index.path, dim=30, force=True) as builder:
        for vectors in batches:
            builder.add(vectors)
        builder.finish()


def test_leaving_removes_everything(tmp_path):
    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error), IndexBuilder(tmp_path / "index", dim=30) as builder:
            builder.add(random_vectors(600, 30))
            raise error
        assert tree(tmp_path) == []


def test_interrupted_finish_removes_everything(tmp_path, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("lsr.index.builder.write_summaries", interrupt)
    with pytest.raises(KeyboardInterrupt), IndexBuilder(tmp_path / "index", dim=30) as builder:
        builder.add(random_vectors(60, 30))
        builder.finish()
    assert tree(tmp_path) == []


def test_interrupted_after_publishing_keeps_the_index(build, monkeypatch):
    path = build(random_vectors(50, 30)).path

    def interrupt(synced: Path) -> None:
        if synced == path:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), IndexBuilder(path, dim=30, force=True) as builder:
        builder.add(random_vectors(5, 30))
        monkeypatch.setattr("lsr.index.manifest.sync", interrupt)
        builder.finish()
    assert verify(path) == []
    assert len(Index.open(path)) == 5


def test_an_index_of_another_version_stays_whole_until_it_is_replaced(build):
    path = build(random_vectors(5, 30)).path
    edit_manifest(path, lambda record: record.update(format_version=FORMAT_VERSION + 1))
    before = tree(path)
    IndexBuilder(path, dim=30, force=True).discard()
    assert tree(path) == before


def test_an_index_published_meanwhile_is_not_replaced(build, monkeypatch):
    path = build(random_vectors(5, 30)).path
    # The first look finds nothing yet.
    looks = iter([lambda *_, **__: None])
    monkeypatch.setattr(
        "lsr.index.builder.check_index_output", lambda *a, **o: next(looks, check_index_output)(*a, **o)
    )
    with pytest.raises(OutputExistsError, match="is an index already"):
        IndexBuilder(path, dim=30)
    assert verify(path) == []


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
                assert np.array_equal(opened._segment.ids.indptr, index._segment.ids.indptr)
        path.write_bytes(whole)


def test_verify_while_the_index_is_replaced(build, monkeypatch):
    """The files vanish between the look at their sizes and the reading."""
    index = build(random_vectors(60, 30))
    replacements = iter([random_vectors(5, 30)])

    def replace_first(path: Path) -> int:
        for vectors in replacements:
            build(vectors, path=index.path, force=True)
        return crc32(path)

    monkeypatch.setattr("lsr.index.verification.crc32", replace_first)
    assert verify(index.path) == []
    assert len(Index.open(index.path)) == 5


def test_verify_names_a_file_that_cannot_be_read(build, monkeypatch):
    index = build(random_vectors(60, 30))

    def fail(path: Path) -> int:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr("lsr.index.verification.crc32", fail)
    problems = verify(index.path)
    assert len(problems) == len(index.manifest.files)
    assert "documents.arrow: not readable ([Errno 5] Input/output error" in problems[0]


def test_a_folder_that_moves_while_it_is_open(build, tmp_path):
    index = build(random_vectors(50, 30))
    described = index.describe()
    index.path.rename(tmp_path / "moved")
    assert index.describe() == described
    assert index.document("d42").id == "d42"
    assert Index.open(tmp_path / "moved").space() == index.space()
    assert index.space()["manifest"] == (tmp_path / "moved" / "manifest.json").stat().st_size


def test_existing_outputs(tmp_path, build):
    (tmp_path / "file").write_text("mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    IndexBuilder(folder, dim=3).discard()
    assert folder.is_dir()
    (folder / "notes.txt").write_text("mine")
    for path in (tmp_path / "file", folder):
        for force in (False, True):
            with pytest.raises(OutputExistsError):
                IndexBuilder(path, dim=3, force=force)
    assert tree(folder) == ["notes.txt"]
    path = build(random_vectors(10, 30)).path
    with pytest.raises(OutputExistsError, match="--force"):
        IndexBuilder(path, dim=3)
    assert verify(path) == []


def test_force_replaces_and_open_readers_go_on(build, tmp_path):
    first = random_vectors(50, 30)
    vocabulary = Vocabulary(map(str, range(30)))
    old = build(first, path=tmp_path / "index", vocabulary=vocabulary)
    (tmp_path / "index" / "notes.txt").write_text("mine")
    with pytest.raises(RuntimeError), IndexBuilder(old.path, dim=30, force=True) as builder:
        builder.add(random_vectors(5, 30))
        raise RuntimeError
    assert len(Index.open(old.path)) == 50
    with IndexBuilder(old.path, dim=30, force=True) as builder:
        builder.add(random_vectors(5, 30, seed=1))
        assert len(Index.open(old.path)) == 50
        new = builder.finish()
    assert len(new) == len(Index.open(old.path)) == 5
    assert old.vector(7)[0].tolist() == first.row(7)[0].tolist()
    assert old.document("d42").id == "d42"
    assert old.vocabulary == vocabulary
    assert new.vocabulary is None
    assert sorted(entry.name for entry in old.path.iterdir()) == ["manifest.json", "notes.txt", new.manifest.segment]
    assert verify(old.path) == []


def test_two_builders_at_once(tmp_path):
    with IndexBuilder(tmp_path / "index", dim=30) as builder:
        builder.add(random_vectors(5, 30))
        with pytest.raises(OutputExistsError, match="another process"):
            IndexBuilder(tmp_path / "index", dim=30)
        builder.finish()
    assert verify(tmp_path / "index") == []


@pytest.mark.parametrize("when", ["before finish", "while publishing"])
def test_killed_build_is_taken_over(tmp_path, when):
    code = """
        import os, signal, sys
        from pathlib import Path
        from lsr.index import IndexBuilder
        from lsr.vectors import SparseVectors
        builder = IndexBuilder(sys.argv[1], dim=3)
        builder.add(SparseVectors.from_rows([([0], [1.0])], dim=3))
        def die(*_):
            os.kill(os.getpid(), signal.SIGKILL)
        if sys.argv[2] == "before finish":
            die()
        Path.replace = die
        builder.finish()
    """
    path = tmp_path / "index"
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(path), when], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert tree(path) != []
    with pytest.raises(IndexFormatError, match="no index here"):
        Index.open(path)
    with IndexBuilder(path, dim=30) as builder:
        builder.add(random_vectors(5, 30))
        builder.finish()
    assert len(list(path.iterdir())) == 2
    assert verify(path) == []


def test_truncated_missing_and_changed_files(build):
    index = build(random_vectors(60, 30))
    folder = index.path / index.manifest.segment
    for name, record in index.manifest.files.items():
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
    assert record["format_version"] == FORMAT_VERSION == 2
    cases = {
        json.dumps({**record, "format_version": 1, "library_version": "0.1.0"}): "index format 1, written by lsr 0.1.0",
        json.dumps({**record, "format_version": FORMAT_VERSION + 1}): f"reads format {FORMAT_VERSION}: use the version",
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
        "'int' object": lambda record: record.update(dim=30, documents=5, files=1),
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
        ("order_rows.npy", put(0, lambda a: a[1]), "not every row stands there once"),
        ("order_rows.npy", put(0, 60), "not every row stands there once"),
        ("order_positions.npy", put(slice(0, 2), lambda a: a[1::-1].copy()), "not the positions of the rows"),
        ("order_positions.npy", put(0, 10**9), "not the positions of the rows"),
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
    index = build(random_vectors(60, 30, 8), settings=IndexSettings(dense_share=0.4, block_size=4))
    assert verify(index.path) == []
    edit_array(index, file, change)
    assert any(file in problem and says in problem for problem in verify(index.path))


@pytest.mark.parametrize("file", ["summary_dense_weights.npy", "forward_deficits.npy"])
def test_a_file_of_another_length_is_refused(build, file):
    index = build(random_vectors(60, 30, 8), settings=IndexSettings(weight_bits=16))
    path = index.path / index.manifest.segment / file
    write_array(path, np.load(path)[:-1])
    edit_manifest(index.path, lambda record: record["files"][file].update(crc32=crc32(path), bytes=path.stat().st_size))
    with pytest.raises(IndexFormatError, match=rf"{file}: expected .* uint8 values"):
        Index.open(index.path)
    assert len(verify(index.path)) == 1


def test_importing_loads_neither_torch_nor_kernels():
    code = "import sys, lsr.index; assert not {'torch', 'numba', 'pyarrow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys; from lsr.index import Index, IndexBuilder, verify; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

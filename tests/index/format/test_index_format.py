"""The folder on disk: what comes back, publishing, refusing, removal. (Damage: test_index_damage.py.)"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from index_oracle import random_vectors
from index_tampering import edit_manifest

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError, NotFoundError, OutputExistsError
from lsr.core.vocabulary import Vocabulary
from lsr.index import FORMAT_VERSION, Index, IndexBuilder, check_index_output, verify
from lsr.index.format.manifest import is_index
from lsr.vectors.sparse import SparseVectors


def tree(path: Path) -> list[str]:
    return sorted(str(entry.relative_to(path)) for entry in path.rglob("*"))


def test_documents_and_vectors_come_back(build):
    vectors = random_vectors(1100, 50)
    documents = [Document(f"d{i}", f"text {i} – ü", f"title {i}" if i % 2 else "") for i in range(1100)]
    documents[700] = Document("d700", "with fields", "", {"year": 1999, "tags": ["a", "ß"]})
    index = build(vectors, documents)
    assert len(index) == 1100
    for row in (0, 1, 511, 512, 700, 1099):
        assert index.documents.at(row) == documents[row]
        assert index.documents.get(f"d{row}") == documents[row]
        assert index.documents.row(f"d{row}") == row
        terms, weights = index.vector(row)
        assert terms.dtype == np.uint32
        assert weights.dtype == np.float32
        assert terms.tolist() == vectors.row(row)[0].tolist()
        assert np.abs(weights - vectors.row(row)[1]).max(initial=0) <= index.manifest.weight_scale / 2 + 1e-6
    for missing in ("d1100", "", "\ud800"):
        with pytest.raises(NotFoundError):
            index.documents.row(missing)
    for row in (-1, 1100):
        with pytest.raises(NotFoundError):
            index.documents.at(row)


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
    assert index.describe()["bytes"]["total"] == description["bytes"]["total"] == on_disk


def test_refused_input(tmp_path):
    vectors = random_vectors(5, 30)
    with IndexBuilder(tmp_path / "index", dim=30) as builder:
        with pytest.raises(InputError, match="31"):
            builder.add(random_vectors(2, 31))
        with pytest.raises(InputError, match="were added with 1 documents"):
            builder.add(vectors, [Document("d0", "")])
        builder.add(vectors)
        wrong = [Document(f"d{i}", "") for i in (5, 6, 7, 9, 8)]
        more = SparseVectors(vectors.indptr, vectors.indices, vectors.weights, [f"d{i}" for i in range(5, 10)], 30)
        with pytest.raises(InputError, match="row 8: the vector has id 'd8', but the document has id 'd9'"):
            builder.add(more, wrong)
        wrong[3:] = [Document("d8", "broken \ud800"), Document("d9", "")]
        with pytest.raises(InputError, match=r"text.*'d8'.*Unicode"):
            builder.add(more, wrong)
        nested: list = []
        for _ in range(100_000):
            nested = [nested]
        for value, says in (
            (object(), "JSON"),
            (float("nan"), "JSON"),
            (nested, "nested too deeply"),
            ("\ud800", "JSON"),
        ):
            wrong[3] = Document("d8", "", "", {"x": value})
            with pytest.raises(InputError, match=rf"fields.*'d8'.*{says}"):
                builder.add(more, wrong)
        for terms, weights, says in (
            ([99], [1.0], "99"),
            ([3, 3], [1.0, 1.0], "sorted and unique"),
            ([3], [float("nan")], "nan"),
            ([3], [float("inf")], "inf"),
            ([3], [0.0], "0.0"),
        ):
            with pytest.raises(InputError, match=says):
                builder.add(SparseVectors([0, len(terms)], terms, weights, ["x"], 30, validate=False))
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
    message = "id 'd17' is used twice: in row 17 and in row 41"
    with pytest.raises(InputError, match=message), IndexBuilder(tmp_path / "index", dim=30) as builder:
        builder.add(vectors)
        builder.add(again)
        builder.finish()
    assert tree(tmp_path) == []


def test_colliding_hashes_are_told_apart(build, monkeypatch):
    monkeypatch.setattr("lsr.index.parts.names.hash_name", lambda encoded: len(encoded) % 2)
    index = build(random_vectors(120, 30))
    assert [index.documents.row(f"d{i}") for i in range(120)] == list(range(120))
    with pytest.raises(NotFoundError):
        index.documents.row("d120")
    batches = [SparseVectors.from_rows([([1], [1.0])] * 3, ids, 30) for ids in (["a", "b", "c"], ["d", "e", "b"])]
    message = "'b' is used twice: in row 1 and in row 5"
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

    monkeypatch.setattr("lsr.index.parts.summaries.part.write_summaries", interrupt)
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
        monkeypatch.setattr("lsr.index.format.manifest.sync", interrupt)
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
        "lsr.index.build.builder.check_index_output", lambda *a, **o: next(looks, check_index_output)(*a, **o)
    )
    with pytest.raises(OutputExistsError, match="already holds an index"):
        IndexBuilder(path, dim=30)
    assert verify(path) == []


def test_a_folder_that_moves_while_it_is_open(build, tmp_path):
    index = build(random_vectors(50, 30))
    described = index.describe()
    index.path.rename(tmp_path / "moved")
    assert index.describe() == described
    assert index.documents.get("d42").id == "d42"
    assert Index.open(tmp_path / "moved").describe()["bytes"] == index.describe()["bytes"]
    assert index.describe()["bytes"]["manifest"] == (tmp_path / "moved" / "manifest.json").stat().st_size


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
    with pytest.raises(OutputExistsError, match="force=True"):
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
    assert old.documents.get("d42").id == "d42"
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
@pytest.mark.process
def test_killed_build_is_taken_over(tmp_path, when):
    code = """
        import os, signal, sys
        from pathlib import Path
        from lsr.index import IndexBuilder
        from lsr.vectors.sparse import SparseVectors
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


@pytest.mark.process
def test_importing_loads_neither_torch_nor_kernels():
    code = "import sys, lsr.index; assert not {'torch', 'numba', 'pyarrow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys; from lsr.index import Index, IndexBuilder, verify; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_whether_there_is_an_index_is_asked_without_a_look_at_folders_within(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("a" * 300)
    deep.mkdir(parents=True)
    (tmp_path / "around").symlink_to(tmp_path)
    assert not is_index(tmp_path)
    with pytest.raises(IndexFormatError, match=r"no index here \(manifest.json is missing\); give the folder of one"):
        Index.open(tmp_path)

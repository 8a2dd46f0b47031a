"""Indexes of strangers: their checksums fit, and what they say does not. Nothing is followed, written or believed."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors
from index_tampering import edit_array, edit_manifest

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError
from lsr.core.files import crc32
from lsr.index import (
    BmpSettings,
    DenseSettings,
    Index,
    IndexSettings,
    SeismicSettings,
    Tuning,
    add_dense,
    prune_index,
    store_tuning,
    verify,
)
from lsr.vectors.pruning import TopK
from lsr.vectors.sparse import SparseVectors

Edit = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda record: record.update(segment="../outside"), "field 'segment'"),
        (lambda record: record.update(segment="/tmp"), "field 'segment'"),
        (lambda record: record.update(segment=["x"]), "field 'segment'"),
        (lambda record: record["files"].update({"../../x": {"bytes": 1, "crc32": 0}}), "field 'files'"),
        (lambda record: record["files"].update({"x.npy": {"bytes": -1, "crc32": 0}}), "field 'files.x.npy.bytes'"),
        (lambda record: record["files"].update({"x.npy": 5}), "field 'files.x.npy'"),
        (lambda record: record["parts"]["dense"].update(folder=".."), "parts.dense.folder"),
        (lambda record: record["parts"].update({"../x": record["parts"]["dense"]}), "name of a part"),
        (lambda record: record["parts"].update(dense=None), "must be an object"),
        (lambda record: record.update(documents=10**30), "field 'documents'"),
        (lambda record: record.update(documents=True), "field 'documents'"),
        (lambda record: record.update(documents=60.0), "field 'documents'"),
        (lambda record: record.update(dim=2**33), "field 'dim'"),
        (lambda record: record.update(postings=-1), "field 'postings'"),
        (lambda record: record.update(weight_scale=float("nan")), "field 'weight_scale'"),
        (lambda record: record.update(weight_scale=0), "field 'weight_scale'"),
        (lambda record: record.update(weight_scale="1"), "field 'weight_scale'"),
        (lambda record: record.update(settings=[]), "field 'settings'"),
        (lambda record: record["settings"].update(block_size="3"), "settings.block_size"),
        (lambda record: record["settings"].update(seismic={"n_postings": float("inf")}), "settings.seismic"),
        (lambda record: record["settings"].update(parts=5), "settings.parts"),
        (lambda record: record.update(encoder=5), "field 'encoder'"),
        (lambda record: record.update(encoder={"model": "\ud800"}), "damaged manifest"),
        (lambda record: record.update(tunings={}), "field 'tunings'"),
        (lambda record: record.update(tunings=[{"k": "x"}]), "tunings"),
        (lambda record: record.update(prunings=[{"rule": 5}]), "prunings"),
        (lambda record: record.update(windows=5), "field 'windows'"),
        (lambda record: record.update(windows={"documents": 10**20}), "record of the windows"),
        (lambda record: record.update(created="\x1b[2J"), "field 'created'"),
        (lambda record: record.update(more=1), "no such field"),
    ],
)
def test_what_a_manifest_cannot_say_is_refused(build, edit: Edit, says: str) -> None:
    index = add_dense(build(random_vectors(60, 30)), [np.ones((60, 4), np.float32)])
    edit_manifest(index.path, edit)
    for attempt in (Index.open, lambda path: verify(path)[0]):
        try:
            said = attempt(index.path)
        except IndexFormatError as error:
            said = error.message()
        assert isinstance(said, str) and says in said


def test_a_part_is_not_read_by_a_record_that_cannot_be(build) -> None:
    index = add_dense(build(random_vectors(60, 30)), [np.ones((60, 4), np.float32)])
    for values in ({"dim": 2**62}, {"dim": "4"}, {"kind": "other"}, {"encoder": []}, {"similarity": None}, {"x": 1}):
        edit_manifest(index.path, lambda record, values=values: record["parts"]["dense"]["record"].update(values))
        with pytest.raises(IndexFormatError, match="dense"):
            _ = Index.open(index.path).parts["dense"]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
@pytest.mark.parametrize("name", ["manifest.json", "documents.arrow", "forward_terms.npy", "segment"])
def test_links_and_pipes_are_not_followed_or_waited_for(build, tmp_path: Path, name: str, kind: str) -> None:
    index = build(random_vectors(60, 30))
    segment = index.path / index.manifest.segment
    path = {"manifest.json": index.path / name, "segment": segment}.get(name, segment / name)
    path.rename(tmp_path / "moved")
    if kind == "link":
        path.symlink_to(tmp_path / "moved")
    elif kind == "pipe":
        os.mkfifo(path)
    elif name == "segment":
        path.write_text("a file")
    else:
        path.mkdir()
    with pytest.raises(IndexFormatError, match=r"symbolic link|not a regular file|a folder, not|not a folder"):
        Index.open(index.path)
    assert verify(index.path)


def test_a_link_where_the_manifest_is_made_is_not_written_through(build, tmp_path: Path) -> None:
    index = build(random_vectors(60, 30))
    (tmp_path / "precious").write_text("precious")
    (index.path / index.manifest.segment / "manifest.json").symlink_to(tmp_path / "precious")
    store_tuning(index, Tuning(10, 0.9, "exact", {}, 1.0, 10.0, 20))
    assert (tmp_path / "precious").read_text() == "precious"
    assert len(Index.open(index.path).sparse.tunings) == 1


def test_pruning_and_adding_write_nothing_outside(build, tmp_path: Path) -> None:
    index = add_dense(build(random_vectors(60, 30)), [np.ones((60, 4), np.float32)])
    outside = tmp_path / "dense-00000000"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    edit_manifest(index.path, lambda record: record["parts"]["dense"].update(folder="../../dense-00000000"))
    with pytest.raises(IndexFormatError):
        prune_index(Index.open(index.path), tmp_path / "pruned", TopK(3))
    with pytest.raises(IndexFormatError):
        add_dense(index, [np.ones((60, 4), np.float32)], force=True)
    assert [path.name for path in outside.iterdir()] == ["kept"] and not (tmp_path / "pruned").exists()


# -- descriptors -------------------------------------------------------------------------------------------------------


@contextmanager
def _no_descriptor_left() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + 1
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used, before[1]))
        while True:
            try:
                held.append(os.dup(1))
            except OSError:
                break
        yield
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_open_index_holds_no_descriptor(build) -> None:
    path = build(random_vectors(60, 30), settings=IndexSettings(seismic=SeismicSettings(), bmp=BmpSettings())).path
    before = len(list(Path("/proc/self/fd").iterdir()))
    index = Index.open(path)
    index.documents.at(3)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_too_many_open_files_is_no_damage(build) -> None:
    path = build(random_vectors(60, 30)).path
    assert verify(path) == []
    for attempt in (Index.open, verify):
        with _no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
            attempt(path)
    assert verify(path) == []


# -- contents whose checksums fit --------------------------------------------------------------------------------------


def _tamper(index: Index, name: str, change: Callable[[bytearray], None]) -> None:
    path = index.path / index.manifest.segment / name
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    edit_manifest(index.path, lambda record: record["files"][name].update(crc32=crc32(path), bytes=len(data)))


@pytest.mark.parametrize("offset", [3 << 20, 2**40, -1, -(2**63), 2**63 - 1])
def test_offsets_of_texts_are_not_believed(build, offset: int) -> None:
    vectors = random_vectors(60, 30)
    index = build(vectors, [Document(id, f"text of {id}", f"title of {id}") for id in vectors.ids])
    texts = np.cumsum([0] + [len(f"text of {id}") for id in vectors.ids])

    def change(data: bytearray) -> None:
        at = bytes(data).index(texts[:20].astype("<i8").tobytes()) + 8 * 10
        data[at : at + 8] = offset.to_bytes(8, "little", signed=True)

    _tamper(index, "documents.arrow", change)
    opened = Index.open(index.path)
    assert opened.documents.at(3).text == "text of d3"
    for row in (9, 10):
        with pytest.raises(IndexFormatError, match=rf"documents\.arrow.*row {row}: the offsets of a text"):
            opened.documents.at(row)
    assert any("documents.arrow" in problem for problem in verify(index.path))


def test_ids_that_are_not_utf_8_or_not_those_of_the_hashes(build) -> None:
    index = build(random_vectors(60, 30))
    edit_array(index, "ids_bytes.npy", lambda values: values.__setitem__(0, 0xFF))
    with pytest.raises(IndexFormatError, match=r"ids_bytes\.npy: the id of row 0 is not UTF-8"):
        Index.open(index.path).documents.row_ids(np.array([0]))
    assert any("not UTF-8" in problem for problem in verify(index.path))
    edit_array(index, "ids_bytes.npy", lambda values: values.__setitem__(0, ord("x")))
    assert any("not the hash of the id of row 0" in problem for problem in verify(index.path))


def test_a_vocabulary_of_other_lines(tmp_path: Path) -> None:
    from lsr.core.vocabulary import Vocabulary
    from lsr.index import IndexBuilder

    vectors = random_vectors(60, 30)
    with IndexBuilder(tmp_path / "index", dim=30, vocabulary=Vocabulary(f"t{i}" for i in range(30))) as builder:
        builder.add(vectors)
        index = builder.finish()
    path = index.path / index.manifest.segment / "vocabulary.jsonl"
    whole = path.read_bytes()
    for data, says in (
        (whole.replace(b'"t3"', b"\xff\xfe"), "line 4 is not JSON"),
        (whole.replace(b'"t3"', b"[1]"), "line 4 is not a text"),
        (whole.replace(b'"t3"', b'"t1"'), "line 4"),
        (whole + b'"more"\n', "expected 30 lines, found 31"),
    ):
        _tamper(index, "vocabulary.jsonl", lambda made, data=data: made.__setitem__(slice(None), data))
        with pytest.raises(IndexFormatError, match=f"vocabulary.jsonl: .*{says}"):
            _ = Index.open(index.path).vocabulary
        assert any(says in problem for problem in verify(index.path))


@pytest.mark.parametrize("file", ["summary_dense_weights.npy", "summary_list_weights.npy", "bmp_list_weights.npy"])
def test_bounds_that_were_lowered_are_noticed(build, file: str) -> None:
    settings = IndexSettings(frequent_share=0.4, block_size=4, bmp=BmpSettings(block_size=8))
    index = build(random_vectors(60, 30, 8), settings=settings)
    edit_array(index, file, lambda values: values.__setitem__(slice(None), np.minimum(values, 1)))
    assert any(file in problem and "the largest weight there" in problem for problem in verify(index.path))


@pytest.mark.parametrize(
    ("file", "change", "problem"),
    [
        ("entry_weights", lambda values: np.minimum(values, 1), "which is not the largest weight there"),
        ("rows", lambda values: values[::-1], "holds documents without it"),
        ("unbounded", lambda values: np.zeros_like(values), "is not among those always visited"),
    ],
)
def test_lists_of_seismic_that_are_not_the_documents(build, file: str, change: Any, problem: str) -> None:
    # Two terms of few documents, whose lists are a block that is always visited.
    rare = [([30 + row % 2], [1.0]) for row in range(6)]
    rows = [*random_vectors(400, 30, 8), *(("", *pair) for pair in rare)]
    vectors = SparseVectors.from_rows([pair for _, *pair in rows], dim=32)
    index = build(vectors, settings=IndexSettings(seismic=SeismicSettings(n_postings=40)))
    assert verify(index.path) == []
    edit_array(index, f"seismic_{file}.npy", lambda values: values.__setitem__(slice(None), change(values.copy())))
    assert any("seismic_" in found and problem in found for found in verify(index.path))


def test_searches_of_damaged_numbers_stay_within_their_arrays(build) -> None:
    """Whatever is in the files that opening does not read: hits may be wrong, and nothing else happens."""
    settings = IndexSettings(frequent_share=0.4, seismic=SeismicSettings(), bmp=BmpSettings(block_size=8))
    for name in (
        "forward_terms",
        "summary_list_blocks",
        "summary_dense_weights",
        "seismic_rows",
        "seismic_summary_ends",
    ):
        index = build(random_vectors(400, 30, 8), settings=settings)
        edit_array(index, f"{name}.npy", lambda values: values.__setitem__(slice(None), np.iinfo(values.dtype).max))
        opened = Index.open(index.path)
        for mode in opened.sparse.modes:
            hits = opened.search(np.arange(10), np.ones(10), 10, mode=mode)
            assert len(hits) <= 10
        assert verify(index.path)


@pytest.mark.parametrize("kind", ["sq8", "pq", "hnsw", "ivf", "ivfpq"])
def test_eight_bytes_of_a_file_of_faiss(build, kind: str) -> None:
    random = np.random.default_rng(0)
    index = add_dense(
        build(random_vectors(200, 30)),
        [random.standard_normal((200, 8)).astype(np.float32)],
        settings=DenseSettings(kind),
        threads=1,
    )
    part = index.manifest.segments[0].parts["dense"]
    path = index.path / index.manifest.segment / part.folder / "ann.faiss"
    whole = path.read_bytes()
    assert len(index.parts["dense"].search(np.ones(8), 5, mode="approximate").rows) == 5
    refused = 0
    for at in [0, 4, 8, 40, 74, 82, *random.integers(len(whole) - 8, size=10).tolist(), len(whole) - 8]:
        path.write_bytes(whole[:at] + (2**62 + at).to_bytes(8, "little") + whole[at + 8 :])
        edit_manifest(
            index.path, lambda record: record["parts"]["dense"]["files"]["ann.faiss"].update(crc32=crc32(path))
        )
        try:
            Index.open(index.path).parts["dense"].search(np.ones(8), 5, mode="approximate")
        except IndexFormatError as error:
            assert "ann.faiss: faiss cannot read it" in str(error)
            refused += 1
    assert refused >= 6
    assert json.loads((index.path / "manifest.json").read_text())["documents"] == 200

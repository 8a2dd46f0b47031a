"""Repairing collections whose documents are cut, and indexes that are not written to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from collection_oracle import create, opened
from damaged_collection import APART, DAMAGE, SETTINGS, copied
from index_oracle import random_vectors
from index_tampering import edit_array
from test_collection_windows import CUT, cut_puts

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, OutputExistsError
from lsr.core.vocabulary import Vocabulary
from lsr.index import Index, verify
from lsr.index.collection.repair.repair import repair
from lsr.index.collection.repair.report import Repair
from lsr.index.format.manifest import FORMAT_VERSION, FROZEN_VERSION, Manifest, format_version
from lsr.index.live.log.frames import log_path
from lsr.index.live.writes import Delete
from lsr.text.windows import join_windows

Build = Callable[..., Index]


def written(path: Path) -> dict[str, Document]:
    """The documents that a repair wrote for adding them again."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        id = values.pop("_id")
        found[id] = Document(id, values.pop("text"), values.pop("title"), values)
    return found


def made(path: Path) -> dict[str, Document]:
    """A collection of two segments and a log; its documents."""
    random, truth = np.random.default_rng(2), {}
    create(path, windows=CUT.to_record(), settings=SETTINGS)
    with opened(path, APART) as writer:

        def put(id: str, version: int) -> None:
            puts = cut_puts(random, id, version)
            writer.apply(puts)
            truth[id] = join_windows([put.document for put in puts])

        for segment in range(2):
            for number in range(8):
                put(f"s{segment}-{number}", 0)
            writer.flush()
        put("s0-1", 1)
        writer.apply([Delete("s0-2")])
        del truth["s0-2"]
        writer.flush()
        for id in ("log-0", "s1-3", "log-1", "s0-4"):
            put(id, 2)
    return truth


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Document]]:
    path = tmp_path_factory.mktemp("windows") / "collection"
    return path, made(path)


@pytest.mark.parametrize(
    "files",
    [
        ("window_documents.npy",),
        ("ids_bytes.npy", "id_rows.npy", "window_documents.npy"),
        ("order_rows.npy", "term_documents.npy"),
        ("forward_terms.npy",),
        ("forward_terms.npy", "ids_indptr.npy", "window_documents.npy"),
    ],
)
@pytest.mark.parametrize("damage", ["flip", "remove"])
def test_segments_of_windows(
    whole: tuple[Path, dict[str, Document]], tmp_path: Path, files: tuple[str, ...], damage: str
) -> None:
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    record = Manifest.read(path).segments[0]
    for file in files:
        DAMAGE[damage](path / record.name / file)
    done = repair(path)
    assert done.whole == ("forward_terms.npy" not in files) and not done.lost and not done.doubtful
    assert verify(path) == [] and repair(path) == Repair()
    held = {each.id: each for each in Index.open(path).documents.scan()}
    told = written(path / "damaged/1/documents.jsonl")
    assert not held.keys() & told.keys() and {**held, **told} == truth
    assert set(done.documents) == set(told) and bool(told) == (not done.whole)
    with opened(path, APART) as writer:
        writer.compact()
        assert {each.id: each for each in writer.snapshot().documents.scan()} == held


def test_a_log_of_windows(whole: tuple[Path, dict[str, Document]], tmp_path: Path) -> None:
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    log = log_path(path, Manifest.read(path).live.log)
    data = bytearray(log.read_bytes())
    data[52 + 40] ^= 1  # in the first frame, after which there are three
    log.write_bytes(data)
    done = repair(path)
    assert done.documents == ["s1-3", "log-1", "s0-4"] and done.unreadable == 1 and not done.deleted
    assert written(path / "damaged/1/documents.jsonl") == {id: truth[id] for id in done.documents}
    held = {each.id for each in Index.open(path).documents.scan()}
    assert held == truth.keys() - {"log-0", "log-1"} and verify(path) == []


def test_dense_vectors_that_are_lost_and_a_log_that_has_some(
    whole: tuple[Path, dict[str, Document]], tmp_path: Path
) -> None:
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    record = Manifest.read(path).segments[1]
    DAMAGE["truncate"](path / record.name / record.parts["dense"].folder / "vectors.npy")
    done = repair(path)
    assert done.parts == {"dense": ""} and not done.documents and not done.whole
    assert verify(path) == []
    index = Index.open(path)
    assert {each.id: each for each in index.documents.scan()} == truth and "dense" not in index.parts
    with opened(path, APART) as writer:
        puts = cut_puts(np.random.default_rng(1), "more", 1)
        for put in puts:
            put.dense = None
        writer.apply(puts)
        writer.compact()
        assert len(writer.snapshot().documents) == len(truth) + 1


def test_a_vocabulary_of_the_collection(tmp_path: Path) -> None:
    terms = Vocabulary([f"t{number}" for number in range(12)])
    random = np.random.default_rng(4)
    for name, flushed in (("in-segments", True), ("alone", False)):
        path = tmp_path / name
        create(path, windows=CUT.to_record(), vocabulary=terms)
        with opened(path, APART) as writer:
            writer.apply(cut_puts(random, "a", 0))
            if flushed:
                writer.flush()
        (stored,) = path.glob("vocabulary-*.jsonl")
        whole = stored.read_bytes()
        DAMAGE["flip"](stored)
        done = repair(path)
        assert done.whole == flushed and done.parts == ({} if flushed else {"vocabulary": ""})
        assert verify(path) == [] and repair(path) == Repair()
        assert (stored.exists() and stored.read_bytes() == whole) == flushed
        if flushed:
            DAMAGE["remove"](stored)
            assert repair(path).folder == str(path / "damaged" / "2"), "it is told, however often"
        with opened(path, APART) as writer:
            assert writer.holds("a")


@pytest.fixture
def frozen(build: Build) -> Index:
    documents = [Document(f"d{number}", f"text {number}", fields={"year": number}) for number in range(60)]
    vectors = random_vectors(60, 30, 8)
    vectors.ids[:] = [document.id for document in documents]
    return build(vectors, documents, settings=SETTINGS)


def test_an_index_that_is_not_written_to(frozen: Index) -> None:
    (record,) = frozen.manifest.segments
    before = frozen.search([1, 2, 3], [1, 1, 1], 10, mode="exact")
    for file in ("summary_list_starts.npy", "seismic_rows.npy", "bmp_kth_weights.npy", "order_positions.npy"):
        DAMAGE["flip"](frozen.path / record.name / file)
    DAMAGE["remove"](frozen.path / record.name / record.parts["fields"].folder / "fields.arrow")
    assert repair(frozen.path).whole
    assert verify(frozen.path) == [] and format_version(frozen.path) == FROZEN_VERSION != FORMAT_VERSION
    after = Index.open(frozen.path)
    for mode in ("exact", "seismic", "bmp"):
        hits = after.search([1, 2, 3], [1, 1, 1], 10, mode=mode)
        if mode == "exact":
            assert (hits.ids, hits.scores.tolist()) == (before.ids, before.scores.tolist())
    assert after.documents.fields.allowed("year >= 59") is not None
    assert not (frozen.path / "writer.lock").exists()


def test_an_index_of_which_nothing_would_be_left(frozen: Index) -> None:
    """It stays as it is, and does not open; its documents can be indexed again."""
    (record,) = frozen.manifest.segments
    DAMAGE["truncate"](frozen.path / record.name / "forward_terms.npy")
    problems = verify(frozen.path)
    for _ in range(2):
        done = repair(frozen.path)
        assert not done.sound and not done.whole and done.problems == problems == verify(frozen.path)
        found = written(frozen.path / "damaged/1/documents.jsonl")
        assert found == {document.id: document for document in frozen.documents.scan()}
        assert [each.name for each in (frozen.path / "damaged").iterdir()] == ["1"]
    with pytest.raises(IndexFormatError):
        Index.open(frozen.path)


def test_nothing_is_made_of_what_only_its_checksum_says_is_right(frozen: Index) -> None:
    """A term that there is not, by which a kernel would write beyond its arrays."""
    edit_array(frozen, "forward_terms.npy", lambda terms: terms.__setitem__(3, 65_000))
    (record,) = frozen.manifest.segments
    DAMAGE["flip"](frozen.path / record.name / "summary_list_starts.npy")
    done = repair(frozen.path)
    assert not done.sound and len(done.doubtful) == 60 and not done.documents


def test_one_at_a_time(whole: tuple[Path, dict[str, Document]], tmp_path: Path) -> None:
    path = copied(whole[0], tmp_path / "collection")
    with opened(path, APART), pytest.raises(OutputExistsError, match="writes to this collection"):
        repair(path)

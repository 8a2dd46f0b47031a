from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import lsr.build.shards
from lsr import Document, SparseEncoder, SparseVectors
from lsr.build.corpus import encode_corpus, index_corpus
from lsr.build.shards import EncodedShards
from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import atomic_file, atomic_folder


class CountingEncoder:
    """Hashes words instead of running a model; counts what it encodes and can be interrupted."""

    dim = 64
    vocabulary = None
    inference_free = False

    def __init__(self, stop_after: int | None = None) -> None:
        self.encoded: list[str] = []
        self.stop_after = stop_after

    def settings(self) -> dict[str, object]:
        return {"model": "counting", "inference_free": False}

    def encode_documents(self, texts, ids, *, top_k=None, progress=None) -> SparseVectors:
        if self.stop_after is not None and len(self.encoded) >= self.stop_after:
            raise KeyboardInterrupt
        self.encoded += ids
        rows = []
        for text in texts:
            terms = np.unique([sum(word.encode()) % self.dim for word in text.split()]).astype(np.uint32)
            rows.append((terms, np.ones(len(terms), np.float32)))
        if progress:
            progress(len(ids))
        return SparseVectors.from_rows(rows, ids, self.dim)


class CountingStages:
    """Stages by their descriptions: (total, how many were reported)."""

    def __init__(self) -> None:
        self.done: dict[str, tuple[int | None, int]] = {}

    @contextmanager
    def __call__(self, description: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        counts: list[int] = []
        yield counts.append
        self.done[description] = (total, sum(counts))


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lsr.build.shards, "SHARD_DOCUMENTS", 4)


def corpus(n: int = 10) -> list[Document]:
    return [Document(f"d{i}", f"text number {i} ünïcode", f"title {i}", {"i": i}) for i in range(n)]


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    interrupted = CountingEncoder(stop_after=8)
    with pytest.raises(KeyboardInterrupt):
        index_corpus(corpus(), tmp_path / "index", interrupted)
    assert not (tmp_path / "index").exists()

    second, stages = CountingEncoder(), CountingStages()
    index = index_corpus(corpus(), tmp_path / "index", second, total=10, stages=stages)
    assert second.encoded == ["d8", "d9"]
    assert stages.done == {"encoding": (10, 10), "reading": (10, 10), "building": (10, 10)}

    unbroken = index_corpus(corpus(), tmp_path / "unbroken", CountingEncoder())
    assert [index.documents.at(i) for i in range(10)] == [unbroken.documents.at(i) for i in range(10)] == corpus()
    for row in range(10):
        np.testing.assert_array_equal(index.vector(row), unbroken.vector(row))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "unbroken"], "work folders are removed"


def test_other_settings_are_refused_and_restart_begins_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        index_corpus(corpus(), tmp_path / "index", CountingEncoder(stop_after=4))
    with pytest.raises(OutputExistsError, match=r"top_k was None, is 3.*restart=True"):
        index_corpus(corpus(), tmp_path / "index", CountingEncoder(), top_k=3)
    encoder = CountingEncoder()
    index_corpus(corpus(), tmp_path / "index", encoder, top_k=3, restart=True)
    assert len(encoder.encoded) == 10


@pytest.mark.parametrize("change", ["id", "text", "shorter"])
def test_a_changed_corpus_is_refused(tmp_path: Path, change: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        index_corpus(corpus(), tmp_path / "index", CountingEncoder(stop_after=4))
    changed = corpus()
    if change == "id":
        changed[2].id = "other"
    elif change == "text":
        changed[2].text = "other"
    else:
        changed = changed[:2]
    with pytest.raises(InputError, match=r"corpus changed.*'d2'.*restart=True"):
        index_corpus(changed, tmp_path / "index", CountingEncoder())


def test_nothing_is_left_of_a_run_that_encoded_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        index_corpus(corpus(), tmp_path / "index", CountingEncoder(stop_after=0))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_index_is_kept_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index_corpus(corpus(3), path, CountingEncoder())
    encoder = CountingEncoder()
    with pytest.raises(OutputExistsError, match="force=True"):
        index_corpus(corpus(5), path, encoder)
    assert encoder.encoded == [], "refused before any work"
    assert len(index_corpus(corpus(5), path, CountingEncoder(), force=True)) == 5


def test_two_runs_cannot_share_a_work_folder(tmp_path: Path) -> None:
    with (
        EncodedShards(tmp_path / "work", {}),
        pytest.raises(OutputExistsError, match="another process"),
        EncodedShards(tmp_path / "work", {}),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_encode_corpus_writes_what_the_encoder_gave(tmp_path: Path) -> None:
    assert encode_corpus(corpus(), tmp_path / "vectors.parquet", CountingEncoder()) == 10
    read = SparseVectors.load(tmp_path / "vectors.parquet")
    expected = CountingEncoder().encode_documents([d.contents for d in corpus()], [d.id for d in corpus()])
    assert read.ids == expected.ids
    np.testing.assert_array_equal(read.indices, expected.indices)
    np.testing.assert_array_equal(read.weights, expected.weights)


def test_settings_survive_json_so_that_a_resumed_run_compares_equal(encoder: SparseEncoder) -> None:
    assert json.loads(json.dumps(encoder.settings())) == encoder.settings()


def test_long_documents_fill_a_shard_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lsr.build.shards, "SHARD_CHARACTERS", 2.5 * corpus()[0].size)
    with EncodedShards(tmp_path / "work", {}) as shards:
        shards.encode(corpus(), CountingEncoder())
        assert [len(documents) for _, documents in shards.read(CountingEncoder.dim)] == [3, 3, 3, 1]


def test_fields_are_compared_as_they_are_stored(tmp_path: Path) -> None:
    """JSON turns tuples into lists, and keys into strings; neither is a changed corpus."""

    def with_fields() -> list[Document]:
        return [Document(f"d{i}", "text", "", {"pages": (i, i + 1), "names": {1: "one"}}) for i in range(10)]

    with pytest.raises(KeyboardInterrupt):
        index_corpus(with_fields(), tmp_path / "index", CountingEncoder(stop_after=8))
    assert len(index_corpus(with_fields(), tmp_path / "index", CountingEncoder())) == 10


def test_what_a_killed_process_left_beside_an_output_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container every run may have the process id of the one that was killed."""
    for path in (f".model.{os.getpid()}.tmp", f".model.{os.getpid()}.old"):
        (tmp_path / path).mkdir()
        (tmp_path / path / "file").touch()
    for content in "ab":
        with atomic_folder(tmp_path / "model", force=True) as temporary:
            (temporary / "file").write_text(content)
    assert (tmp_path / "model" / "file").read_text() == "b"


def test_what_is_stopped_right_after_a_shard_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal may come between the shard's publication and the next statement."""

    @contextmanager
    def then_stopped(path: Path) -> Iterator[Path]:
        with atomic_file(path) as temporary:
            yield temporary
        raise KeyboardInterrupt

    monkeypatch.setattr(lsr.build.shards, "atomic_file", then_stopped)
    with pytest.raises(KeyboardInterrupt):
        index_corpus(corpus(), tmp_path / "index", CountingEncoder())
    assert (tmp_path / "index.encoding" / "000000.parquet").exists()

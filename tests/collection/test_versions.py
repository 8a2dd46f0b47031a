"""Versions of a collection that are kept."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from reindexed import DOC, SMALL, SPLADE, check_as_fresh, create, document

from lsr.collection.collection import Collection
from lsr.collection.encoding import DocumentEncoder
from lsr.core.errors import IndexFormatError, LsrError, NotFoundError
from lsr.index import repair, verify
from lsr.index.collection.publish import Publisher
from lsr.index.format.manifest import Manifest
from lsr.index.live.versions import PREVIOUS


def test_a_version_is_kept_and_returned_to(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    with create(path) as collection:
        with pytest.raises(NotFoundError, match="no version of it was kept"):
            collection.go_back()
        collection.reindex(DOC, keep=True)
        assert (path / PREVIOUS).exists() and collection.snapshot.describe()["previous"]["model"].endswith("model")
        collection.add([document(5, 5), document(80)])
        collection.delete(["d6"])
        collection.compact()
    with Collection.open(path, policy=SMALL) as collection:
        encoded: list[int] = []
        done = collection.go_back(keep=True, progress=encoded.append)
        assert done.documents == 28 and sum(encoded) == 28
        check_as_fresh(collection, tmp_path / "fresh", SPLADE)
        collection.delete("d80")
        collection.go_back()
        check_as_fresh(collection, tmp_path / "other", DOC)
        assert not (path / PREVIOUS).exists()
        collection.reindex(SPLADE, keep=True)
        assert collection.forget() and not collection.forget()
        check_as_fresh(collection, tmp_path / "third", SPLADE)
        assert len(list(path.glob("segment-*"))) == len(collection.snapshot.segments)
        # One is kept at most.
        collection.reindex(DOC, keep=True)
        collection.reindex(SPLADE)
        with pytest.raises(NotFoundError):
            collection.go_back()


def test_only_what_differs_is_encoded_when_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with create(tmp_path / "collection") as collection:
        collection.reindex(DOC, keep=True)
        collection.add([document(5, 5), document(80)])
        collection.delete("d6")
        seen: list[str] = []
        real = DocumentEncoder.encode

        def encode(self: DocumentEncoder, documents: Any, *arguments: Any) -> Any:
            seen.extend(each.id for each in documents)
            return real(self, documents, *arguments)

        monkeypatch.setattr(DocumentEncoder, "encode", encode)
        collection.go_back()
        assert sorted(seen) == ["d5", "d80"]


def test_a_repair_that_fails_leaves_the_version_that_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "collection"
    with create(path) as collection:
        collection.reindex(DOC, keep=True)
        segment = path / collection.snapshot.segments[0].record.name
    with (segment / "summary_list_weights.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "write", full)
        with pytest.raises(OSError, match="No space left"):
            repair(path)
    assert repair(path).whole and verify(path) == []
    with Collection.open(path) as collection:
        collection.go_back()
        check_as_fresh(collection, tmp_path / "fresh", SPLADE)


def test_a_damaged_record_of_what_was_kept_keeps_nobody_from_writing(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    with create(path) as collection:
        collection.reindex(DOC, keep=True)
    (path / PREVIOUS / "manifest.json").write_text("{")
    segments = set(path.glob("segment-*"))
    with Collection.open(path) as collection:
        collection.add([document(90)])
        collection.compact()
        assert len(segments & set(path.glob("segment-*"))) >= 1, "what may be of it stays"
        with pytest.raises(IndexFormatError, match="previous"):
            collection.go_back()
        assert collection.forget()
        assert len(list(path.glob("segment-*"))) == len(collection.snapshot.segments)


def _two_versions(path: Path) -> None:
    """A collection by words alone, and the version before it, by a model."""
    with create(path) as collection:
        collection.reindex("bm25", keep=True)


@pytest.mark.parametrize("before", ["the manifest", "the end"])
def test_an_older_kept_version_stays_until_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """Stopped before it publishes, a run that is to keep the version it leaves has cost nothing; after, it has done."""
    path = tmp_path / "collection"
    _two_versions(path)
    with monkeypatch.context() as patched:
        write = Manifest.write

        def stopped(self: Manifest, folder: Path) -> None:
            if folder == path and before == "the manifest" and self.encoder != Manifest.read(path).encoder:
                raise KeyboardInterrupt
            write(self, folder)

        patched.setattr(Manifest, "write", stopped)
        if before == "the end":
            clear = Publisher.clear_away
            patched.setattr(
                Publisher, "clear_away", lambda self: 1 / 0 if (path / PREVIOUS / "next").exists() else clear(self)
            )
        with Collection.open(path, policy=SMALL) as collection:
            with pytest.raises((KeyboardInterrupt, ZeroDivisionError)):
                collection.reindex(DOC, keep=True)
            with pytest.raises(LsrError, match="open the collection again"):
                collection.add(document(90))
    assert verify(path) == []
    with Collection.open(path, policy=SMALL) as collection:
        collection.go_back()
        check_as_fresh(collection, tmp_path / "fresh", SPLADE if before == "the manifest" else "bm25")


def test_what_was_to_be_kept_is_forgotten_by_a_run_that_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "collection"
    _two_versions(path)
    with monkeypatch.context() as patched:
        patched.setattr("lsr.index.collection.publish.mark_output", lambda *given: 1 / 0)
        with Collection.open(path, policy=SMALL) as collection, pytest.raises(ZeroDivisionError):
            collection.reindex(DOC, keep=True)
    with Collection.open(path, policy=SMALL) as collection:
        collection.reindex(DOC)
        with pytest.raises(NotFoundError):
            collection.go_back()
        assert not (path / PREVIOUS).exists()


def _damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _kept_segment(path: Path) -> Path:
    record, *_ = Manifest.read(path / PREVIOUS).segments
    return path / record.name


def test_damage_of_what_was_kept_is_named_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    _two_versions(path)
    _damage(_kept_segment(path) / "summary_list_weights.npy")
    (problem,) = verify(path)
    assert "summary_list_weights.npy" in problem and "of the version that was kept" in problem
    done = repair(path)
    assert done.whole and done.problems == [problem] and "are made again" in done.steps[-1]
    assert verify(path) == [] and repair(path).problems == []
    with Collection.open(path, policy=SMALL) as collection:
        collection.go_back()
        check_as_fresh(collection, tmp_path / "fresh", SPLADE)


@pytest.mark.parametrize("what", ["texts", "manifest"])
def test_a_kept_version_that_cannot_be_mended_is_set_aside(tmp_path: Path, what: str) -> None:
    path = tmp_path / "collection"
    _two_versions(path)
    segment = _kept_segment(path)
    held = {each.name for each in segment.iterdir()}
    _damage(segment / "documents.arrow")
    if what == "manifest":
        (path / PREVIOUS / "manifest.json").write_text("{")
    assert any("of the version that was kept" in problem for problem in verify(path))
    done = repair(path)
    assert done.previous and not done.whole and "set aside" in done.steps[-1]
    assert verify(path) == [] and not segment.exists()
    aside = Path(str(done.folder))
    assert {each.name for each in (aside / segment.name).iterdir()} == held
    assert (aside / PREVIOUS / "manifest.json").exists()
    with Collection.open(path, policy=SMALL) as collection:
        with pytest.raises(NotFoundError):
            collection.go_back()
        check_as_fresh(collection, tmp_path / "fresh", "bm25")

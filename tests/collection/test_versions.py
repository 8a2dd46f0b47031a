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
from lsr.core.errors import IndexFormatError, NotFoundError
from lsr.index import repair, verify
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

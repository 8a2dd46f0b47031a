"""What becomes of each document that is added, and writes that depend on what is there."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest

from lsr.collection.collection import Collection
from lsr.core.documents import Document
from lsr.core.errors import InputError


def test_each_document_has_its_outcome_in_order(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "birds", model="bm25") as collection:
        collection.add({"_id": "old", "text": "here before"})
        given = [{"_id": "a", "text": "first"}, {"_id": "b"}, {"_id": "a", "text": "second"}, Document("old", "again")]
        told = [(each.id, each.status) for each in collection.add_each([*given, {"text": "no id"}])]
        assert told == [("a", "created"), ("b", "error"), ("a", "replaced"), ("old", "replaced"), ("", "error")]
        document = collection.get("a")
        assert document is not None and document.text == "second"
        added = collection.add([{"_id": "c", "text": "one"}, {"_id": "c", "text": "two"}, {"_id": "d"}])
        assert (added.created, added.replaced, [each.id for each in added.refused]) == (1, 1, ["d"])


def test_what_was_told_is_on_the_disk(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "birds", model="bm25") as collection:
        outcomes = collection.add_each({"_id": str(number), "text": "word"} for number in range(600))
        assert next(outcomes).status == "created"
        before = len(collection)
        # What nobody took was not read.
        assert 0 < before < 600
        outcomes.close()
        assert len(collection) == before


def test_a_condition_keeps_a_document_as_it_is(tmp_path: Path) -> None:
    def refuse(document: Document | None) -> None:
        raise InputError(f"not {document and document.text}")

    with Collection.create(tmp_path / "birds", model="bm25") as collection:
        collection.add({"_id": "tern", "text": "terns migrate", "year": 1})
        with pytest.raises(InputError, match="not terns migrate"):
            collection.delete("tern", only_if=refuse)
        with pytest.raises(InputError, match="not terns migrate"):
            collection.update_fields("tern", {"year": 2}, only_if=refuse)
        with pytest.raises(InputError, match="not None"):
            collection.delete("nobody", only_if=refuse)
        assert collection.update_fields("tern", {"year": None}).fields == {}


def test_threads_that_change_fields_lose_nothing(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "birds", model="bm25") as collection:
        collection.add({"_id": "tern", "text": "terns migrate"})
        threads = [
            Thread(target=lambda n=number: collection.update_fields("tern", {f"field{n}": n})) for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        document = collection.get("tern")
        assert document is not None and document.fields == {f"field{number}": number for number in range(8)}

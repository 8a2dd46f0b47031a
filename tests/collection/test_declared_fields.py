"""A collection whose fields have declared types."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr.collection.collection import Collection
from lsr.core.errors import InputError

SCHEMA = {"year": "integer", "seen": "datetime", "tags": "keyword[]"}
GOOD = {"_id": "tern", "text": "terns migrate", "year": 2020, "seen": "2024-05-01", "tags": "sea", "other": 1}


def test_documents_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "birds", model="bm25", schema=SCHEMA) as collection:
        bad = {"_id": "owl", "text": "owls hunt", "year": "soon"}
        first, second = collection.add_each([GOOD, bad])
        assert (first.status, second.status) == ("created", "error")
        assert second.error is not None and "'soon' does not fit integer" in second.error
        with pytest.raises(InputError, match="does not fit"):
            collection.update_fields("tern", {"year": "late"})
        assert collection.snapshot.documents.get("tern").fields["year"] == 2020


def test_types_are_those_declared_in_memory_in_segments_and_by_another_model(tmp_path: Path) -> None:
    path = tmp_path / "birds"
    with Collection.create(path, model="bm25", schema=SCHEMA) as collection:
        collection.add(GOOD)

        def check() -> None:
            types = collection.snapshot.documents.fields.schema.fields
            assert {name: str(kind) for name, kind in types.items()} == SCHEMA
            assert len(collection.search("terns", filter="seen >= '2024-01-01' and tags == 'sea'")) == 1

        check()
        collection.compact()
        check()
        collection.reindex("bm25")
        check()
        collection.add({**GOOD, "_id": "gull"})
    with Collection.open(path) as collection:
        assert [outcome.status for outcome in collection.add_each({**GOOD, "year": "x"})] == ["error"]


def test_a_type_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be one of keyword"):
        Collection.create(tmp_path / "birds", model="bm25", schema={"year": "number"})
    assert not (tmp_path / "birds").exists()

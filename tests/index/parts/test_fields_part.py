"""Columns of fields in an index: written with it, carried, compared, damaged, added later."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors
from index_tampering import edit_manifest

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError, LsrError, OutputExistsError
from lsr.core.schema import Schema
from lsr.index import Index, IndexBuilder, prune_index, verify
from lsr.index.build.fields import add_fields
from lsr.index.live import fields as live_fields
from lsr.index.parts.fields import writer
from lsr.index.parts.fields.columns import FieldColumns
from lsr.index.parts.fields.part import FieldsPart
from lsr.index.parts.part import CarriedRows
from lsr.vectors.pruning import TopK

ROWS, TERMS = 100, 60


def fields_of(row: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "year": 2000 + row % 9,
        "tags": [f"t{row % 3}", "all"],
        "when": f"2024-05-{1 + row % 28:02}",
    }
    return made if row % 4 else {**made, "odd": row / 2, "flag": row % 8 == 0}


def built(path: Path, schema: dict[str, str] | None = None, fields: Any = fields_of) -> Index:
    with IndexBuilder(path, dim=TERMS, schema=schema) as builder:
        vectors = random_vectors(ROWS, TERMS)
        for first in range(0, ROWS, 30):
            part = vectors[first : first + 30]
            builder.add(part, [Document(id, "x", fields=fields(int(id[1:]))) for id in part.ids])
        return builder.finish()


def rows(index: Index, given: str) -> list[int]:
    bitmap = index.documents.fields.allowed(given)
    return np.flatnonzero(np.unpackbits(bitmap, count=len(index), bitorder="little")).tolist()


def without_part(index: Index) -> Index:
    """As it was built before there were columns of fields."""
    edit_manifest(index.path, lambda record: record["parts"].pop("fields"))
    return Index.open(index.path)


def test_columns_are_in_the_order_of_rows_and_of_inferred_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_BATCH_ROWS", 32)
    index = built(tmp_path / "index")
    columns = index.parts["fields"]
    types = {name: str(kind) for name, kind in columns.schema.fields.items()}
    assert types == {"flag": "boolean", "odd": "float", "tags": "keyword[]", "when": "keyword", "year": "integer"}
    assert len(columns.column("year")) == 4
    years = [value for piece in columns.column("year") for value in piece.to_pylist()]
    assert years == [index.documents.at(row).fields["year"] for row in range(ROWS)]
    assert rows(index, 'year = 2003 and tags = "t0"') == [r for r in range(ROWS) if r % 9 == 3 and r % 3 == 0]
    assert verify(index.path) == [] and index.describe()["parts"]["fields"]["types"] == types
    assert "fields" in index.describe()["bytes"]


def test_an_index_of_documents_without_fields_has_no_such_part(tmp_path: Path) -> None:
    index = built(tmp_path / "index", fields=lambda row: {})
    assert "fields" not in index.parts
    with pytest.raises(InputError, match="no document has a field 'year'; the fields are _id: keyword"):
        rows(index, "year = 3")
    assert rows(index, '_id in ("d7", "d3")') == [3, 7] and rows(index, '_id < "d10"') == [0, 1]


def test_a_declared_schema_refuses_documents_and_types_dates(tmp_path: Path) -> None:
    index = built(tmp_path / "index", {"year": "integer", "when": "datetime"})
    assert rows(index, 'when >= "2024-05-27T00:00:00Z"') == [row for row in range(ROWS) if row % 28 >= 26]
    with pytest.raises(InputError, match="the schema has no field 'tags'"):
        rows(index, 'tags = "all"')
    with pytest.raises(InputError, match="document 'd0': 2000 does not fit keyword, which is a text"):
        built(tmp_path / "refused", {"year": "keyword"})
    assert not (tmp_path / "refused").exists()


def test_an_old_index_reads_them_from_its_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = built(tmp_path / "index")
    expected = rows(index, "year = 2003 or flag")
    old = without_part(index)
    assert "fields" not in old.parts and rows(old, "year = 2003 or flag") == expected
    monkeypatch.setattr(live_fields, "MOST_IN_MEMORY", ROWS - 1)
    large = Index.open(old.path)
    with pytest.raises(InputError, match=r"no columns of its documents' fields.*lsr.index.build.fields.add_fields"):
        rows(large, "year = 2003")
    assert rows(large, '_id = "d5"') == [5]
    added = add_fields(large)
    assert rows(added, "year = 2003 or flag") == expected and verify(added.path) == []
    with pytest.raises(OutputExistsError):
        add_fields(added)
    other = add_fields(added, {"when": "datetime"}, force=True)
    assert list(other.documents.fields.schema.fields) == ["when"] and verify(added.path) == []
    with pytest.raises(InputError, match="document 'd0': 2000 does not fit boolean"):
        add_fields(added, {"year": "boolean"}, force=True)
    assert list(Index.open(other.path).documents.fields.schema.fields) == ["when"]


def test_pruning_keeps_them(tmp_path: Path) -> None:
    index = built(tmp_path / "index", {"when": "datetime", "year": "float"})
    pruned = prune_index(index, tmp_path / "pruned", TopK(3))
    assert pruned.documents.fields.schema == index.documents.fields.schema
    assert rows(pruned, "year < 2003.5") == rows(index, "year < 2003.5") and verify(pruned.path) == []


def test_some_rows_of_several_segments_are_carried_in_the_type_of_all(tmp_path: Path) -> None:
    first = built(tmp_path / "first", fields=lambda row: {"a": row, "b": "x", "mixed": 1})
    second = built(
        tmp_path / "second", fields=lambda row: {"a": row / 2, "b": ["y"] if row % 2 else None, "mixed": "a"}
    )
    chosen = (np.array([5, 3, 99]), np.array([0, 1, 98]))
    sources = []
    for index, taken in zip((first, second), chosen, strict=True):
        (segment,) = index.segments
        record = segment.record.parts["fields"]
        sources.append(CarriedRows(segment.part("fields"), segment.part_folder("fields"), record, taken))
    folder = tmp_path / "fields-00000000"
    folder.mkdir()
    record = FieldsPart().carry(sources, folder)
    schema = Schema.from_record(record.record)
    assert {name: str(kind) for name, kind in schema.fields.items()} == {"a": "float", "b": "keyword[]"}
    assert "mixed" in schema.unfit
    columns = writer.mapped(folder / writer.FILE_NAME)
    opened = FieldColumns(columns, schema, 6, folder, folder)
    values = {name: [v for piece in opened.column(name) or () for v in piece.to_pylist()] for name in schema.fields}
    assert values == {"a": [5.0, 3.0, 99.0, 0.0, 0.5, 49.0], "b": [["x"], ["x"], ["x"], None, ["y"], None]}


def test_a_damaged_file_costs_only_itself_and_never_the_process(tmp_path: Path) -> None:
    """Bytes turned at random: an error, or an answer, and searches without a filter are as before."""
    index = built(tmp_path / "index")
    file = index.path / index.manifest.segment / index.segments[0].record.parts["fields"].folder / writer.FILE_NAME
    whole = file.read_bytes()
    expected = index.search([3, 5], [1, 1]).ids
    picks = random.Random(3)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(picks.choice([1, 1, 8])):
            data[picks.randrange(len(data))] = picks.randrange(256)
        file.write_bytes(data)
        opened = Index.open(index.path)
        assert opened.search([3, 5], [1, 1]).ids == expected
        for given in ('year > 2003 and tags = "t1" or flag or odd < 9', 'when ^= "2024"'):
            try:
                rows(opened, given)
            except IndexFormatError as error:
                refused += 1
                assert "again" in str(error)
        assert bytes(data) == whole or verify(index.path)
    assert refused > 20
    file.write_bytes(whole[:-9])
    with pytest.raises(IndexFormatError, match="add the fields part again"):
        rows(Index.open(index.path), "flag")
    assert Index.open(index.path).search([3, 5], [1, 1]).ids == expected
    assert rows(add_fields(Index.open(index.path), force=True), "flag") == rows_by_hand()


def rows_by_hand() -> list[int]:
    return [row for row in range(ROWS) if fields_of(row).get("flag")]


def test_columns_of_other_documents_are_found_by_verify(tmp_path: Path) -> None:
    index, other = built(tmp_path / "index"), built(tmp_path / "other", fields=lambda row: fields_of(row + 1))
    names = [
        each.path / each.manifest.segment / each.segments[0].record.parts["fields"].folder for each in (index, other)
    ]
    data = (names[1] / writer.FILE_NAME).read_bytes()
    (names[0] / writer.FILE_NAME).write_bytes(data)
    files = other.segments[0].record.parts["fields"].files[writer.FILE_NAME]

    def swap(record: dict[str, Any]) -> None:
        record["parts"]["fields"]["files"][writer.FILE_NAME] = {"bytes": files.bytes, "crc32": files.crc32}

    edit_manifest(index.path, swap)
    (problem,) = verify(index.path)
    assert "is not what the documents of rows 0 and following say" in problem


@pytest.mark.parametrize(
    "record",
    [{}, {"types": {"year": "text"}, "unfit": {}}, {"types": 3, "unfit": {}}, {"types": {}, "unfit": {"a": 1}}],
)
def test_a_record_that_says_no_schema_costs_only_filters(tmp_path: Path, record: dict[str, Any]) -> None:
    index = built(tmp_path / "index")

    def change(manifest: dict[str, Any]) -> None:
        manifest["parts"]["fields"]["record"] = record

    edit_manifest(index.path, change)
    opened = Index.open(index.path)
    assert len(opened.search([3], [1]))
    with pytest.raises(LsrError, match="fields"):
        rows(opened, "year = 3")

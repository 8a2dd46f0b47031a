"""The rows that a filter allows, against brute force; its notations, which give the same tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from filter_oracle import SCHEMA, conditions, documents, filters, holds
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.core.errors import InputError
from lsr.core.schema import Schema, SchemaObserver, joined
from lsr.index.filters.cache import BitmapCache
from lsr.index.filters.check import check_filter
from lsr.index.filters.compile import allowed_bitmap
from lsr.index.filters.language import parse_filter
from lsr.index.filters.records import read_filter, record_of
from lsr.index.filters.tree import Filter, same
from lsr.index.parts.fields.columns import FieldColumns
from lsr.index.parts.fields.writer import write_fields


def columns(schema: Schema, rows: list[dict[str, Any]]) -> FieldColumns:
    """Columns as a segment holds them, in memory."""
    sink = pa.BufferOutputStream()
    write_fields(sink, schema, rows)
    return FieldColumns(sink.getvalue(), schema, len(rows), Path("fields.arrow"), Path("index"))


def allowed(tree: Filter, schema: Schema, rows: FieldColumns, cache: BitmapCache | None = None) -> list[bool]:
    check_filter(tree, schema)
    bitmap = allowed_bitmap(tree, schema, rows, (cache or BitmapCache()).owned())
    assert bitmap.shape == ((rows.rows + 7) // 8,) and bitmap.dtype == np.uint8
    bits = np.unpackbits(bitmap, bitorder="little").astype(bool)
    assert not bits[rows.rows :].any()
    return bits[: rows.rows].tolist()


@settings(max_examples=150)
@given(rows=documents(), tree=filters())
def test_rows_are_those_of_brute_force(rows: list[dict[str, Any]], tree: Filter) -> None:
    schema = Schema.of(SCHEMA)
    held = columns(schema, rows)
    expected = [holds(tree, fields) for fields in rows]
    assert allowed(tree, schema, held) == expected
    # The same bitmaps, of which parts are kept or have gone.
    for cache in (BitmapCache(), BitmapCache(most=900)):
        owned = cache.owned()
        for _ in range(2):
            bitmap = allowed_bitmap(tree, schema, held, owned)
            assert np.unpackbits(bitmap, count=len(rows), bitorder="little").astype(bool).tolist() == expected
        assert cache.held <= 900 or cache.held <= 64 << 20


@settings(max_examples=300)
@given(tree=filters())
def test_both_notations_give_the_tree_back(tree: Filter) -> None:
    text, record = str(tree), json.loads(json.dumps(record_of(tree)))
    for again in (parse_filter(text), parse_filter(f" (\n{text}\t) "), read_filter(record)):
        assert again is not None and same(again, tree)
        assert str(again) == text


@given(rows=documents(), tree=conditions())
def test_an_opposite_is_what_is_left(rows: list[dict[str, Any]], tree: Filter) -> None:
    """Also where a value is missing, for which no condition holds."""
    schema = Schema.of(SCHEMA)
    held = columns(schema, rows)
    assert [not each for each in allowed(tree, schema, held)] == allowed(~tree, schema, held)


@settings(max_examples=100)
@given(rows=documents(), cut=st.integers(0, 20), tree=filters())
def test_segments_of_narrower_types_answer_as_one(rows: list[dict[str, Any]], cut: int, tree: Filter) -> None:
    """Whole numbers in one segment and others in the next, a list here and none there, a field that one lacks."""
    rows = [{name: value for name, value in fields.items() if name != "when"} for fields in rows]

    def schema_of(part: list[dict[str, Any]]) -> Schema:
        observer = SchemaObserver()
        for fields in part:
            observer.add(fields)
        return observer.schema()

    whole = schema_of(rows)
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    schemas = [schema_of(part) for part in parts]
    assert joined(schemas).fields == whole.fields
    if {condition.field for condition in tree.conditions()} - set(whole.fields):
        return
    try:
        check_filter(tree, whole)
    except InputError:
        return  # of a field that is of whole numbers here, where 0.5 is none
    types = {name: str(kind) for name, kind in whole.fields.items()}
    expected = [holds(tree, fields, types) for fields in rows]
    found: list[bool] = []
    for part, schema in zip(parts, schemas, strict=True):
        held = columns(schema, part)
        bitmap = allowed_bitmap(tree, whole, held, BitmapCache().owned())
        found += np.unpackbits(bitmap, count=len(part), bitorder="little").astype(bool).tolist()
    assert found == expected


def test_what_was_not_used_for_longest_goes() -> None:
    cache = BitmapCache(most=4000)
    owned, other = cache.owned(), cache.owned()
    for number in range(4):
        owned.put(f"{number}", np.full(500, number, np.uint8))
    assert owned.get("0") is not None and other.get("0") is None
    for number in range(4, 7):
        owned.put(f"{number}", np.full(500, number, np.uint8))
    assert cache.held <= 4000
    assert owned.get("0") is not None and owned.get("1") is None
    owned.put("large", np.zeros(3000, np.uint8))
    assert owned.get("large") is None


@pytest.mark.parametrize("bad", ["yaer = 3", "flag > true", 'whole = "x"', "word = 3", 'whole ^= "3"', 'when > "soon"'])
def test_what_does_not_fit_is_said_with_the_fields_there_are(bad: str) -> None:
    tree = parse_filter(f"exists(flag) and {bad}")
    assert tree is not None
    with pytest.raises(InputError) as caught:
        check_filter(tree, Schema.of(SCHEMA))
    said = str(caught.value)
    assert "the fields are _id: keyword, and: keyword, flag: boolean" in said and "whole: integer" in said
    *_, shown, caret = said.splitlines()
    assert shown[caret.index("^") :].startswith(bad.split()[0])

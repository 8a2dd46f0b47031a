"""Types of fields: inferred whatever the order of documents, declared, and what fits them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.schema import LONGEST_KEYWORD, MOST_FIELDS, FieldType, Schema, SchemaObserver, date_text, instant, joined

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(-2, 2),
    st.text("ab", max_size=2),
    st.just({}),
    st.just([[]]),
)
FIELDS = st.dictionaries(st.sampled_from("abc"), st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=3)


def inferred(*documents: dict[str, Any]) -> Schema:
    observer = SchemaObserver()
    for fields in documents:
        observer.add(fields)
    return observer.schema()


@given(st.lists(FIELDS, max_size=6), st.randoms())
def test_the_order_of_documents_does_not_matter_and_all_of_them_fit(rows: list[dict[str, Any]], random: Any) -> None:
    schema = inferred(*rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert inferred(*shuffled) == schema
    for fields in rows:
        schema.stored(fields)
    for cut in range(len(rows) + 1):
        parts = joined([inferred(*rows[:cut]), inferred(*rows[cut:])])
        assert parts.fields == schema.fields and parts.unfit.keys() == schema.unfit.keys()
    assert Schema.from_record(schema.to_record()) == schema


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], "integer"),
        ([1, 2.5], "float"),
        ([2.0], "float"),
        ([True, False], "boolean"),
        (["a", "2024-05-01"], "keyword"),
        (["2024-05-01"], "keyword"),
        (["a", ["b", None]], "keyword[]"),
        ([[], "a"], "keyword"),
        ([[1], [2.5]], "float[]"),
        (["x" * LONGEST_KEYWORD], "keyword"),
    ],
)
def test_types_that_are_inferred(values: list[Any], kind: str) -> None:
    assert str(inferred(*({"f": value} for value in values)).fields["f"]) == kind


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1, "a"], "texts and whole numbers|whole numbers and texts"),
        ([True, 1], "true or false and whole numbers"),
        ([{"a": 1}], "objects"),
        ([[[1]]], "lists of lists"),
        (["x" * (LONGEST_KEYWORD + 1)], "texts of more than 256 characters"),
        ([2**63], "whole numbers beyond 64 bits"),
    ],
)
def test_what_cannot_be_filtered_by_has_a_reason(values: list[Any], says: str) -> None:
    schema = inferred(*({"f": value} for value in values))
    assert not schema.fields
    assert any(each in schema.unfit["f"] for each in says.split("|"))


def test_fields_without_a_value_and_the_id_are_none() -> None:
    assert inferred({"f": None, "g": [], "_id": "x"}) == Schema()


def test_of_very_many_fields_none_is_inferred() -> None:
    rows = [{f"f{number}": 1} for number in range(MOST_FIELDS + 1)]
    assert inferred(*rows) == inferred(*reversed(rows)) == Schema(too_many=True)
    assert joined([inferred(*rows[:600]), inferred(*rows[600:])]) == Schema(too_many=True)
    assert len(inferred(*rows[1:]).fields) == MOST_FIELDS


def test_a_document_that_does_not_fit_is_named_with_field_value_and_type() -> None:
    schema = Schema.of({"year": "integer", "tags": "keyword[]", "when": "datetime"})
    fits = {"year": 2020.0, "tags": "a", "when": "2024-05-01", "other": {}}
    schema.check([Document("a", "", fields=fits), Document("b", "", fields={"year": None, "tags": []})])
    assert schema.stored(fits) == [["a"], instant("2024-05-01"), 2020]
    for fields, says in (
        ({"year": "2020"}, "document 'c': '2020' does not fit integer, which is a whole number of 64 bits"),
        ({"year": 1.5}, "1.5 does not fit integer"),
        ({"year": True}, "True does not fit integer"),
        ({"year": 2**63}, "does not fit integer"),
        ({"year": [1]}, "does not fit integer"),
        ({"tags": ["a", 1]}, "does not fit keyword[], which is a list of values, each a text"),
        ({"when": "soon"}, "does not fit datetime, which is a date in ISO 8601"),
    ):
        with pytest.raises(InputError) as caught:
            schema.check([Document("c", "", fields=fields)])
        assert says in str(caught.value) and caught.value.field == f"fields.{next(iter(fields))}"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"year": "int"}, "field 'year': must be one of keyword, integer"),
        ({"year": "keywords"}, "did you mean keyword?"),
        ({"_id": "keyword"}, "there always is"),
        ({"year": ["integer"]}, "must be one of"),
        (["year"], "an object of types by field"),
    ],
)
def test_what_is_no_schema_is_refused(given: Any, says: str) -> None:
    with pytest.raises(InputError, match=None) as caught:
        Schema.of(given)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1970-01-01", "1970-01-01T00:00:00Z"),
        ("2024-05-01T12:30", "2024-05-01T12:30:00Z"),
        ("2024-05-01 12:30:01.5+02:00", "2024-05-01T10:30:01.500000Z"),
        ("2024-05-01T00:00:00-0130", "2024-05-01T01:30:00Z"),
        ("1969-12-31T23:59:59.999999z", "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_dates(text: str, shown: str) -> None:
    assert date_text(instant(text)) == shown
    assert instant(shown) == instant(text)
    assert FieldType("datetime").stored(text) == instant(text)


@pytest.mark.parametrize(
    "bad", ["2024", "2024-13-01", "2024-02-30", "2024-05-01Z", "2024-05-01T25:00", "20240501", "٢٠٢٤-٠٥-٠١"]
)
def test_what_is_no_date(bad: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        instant(bad)


def test_schemas_that_were_declared_are_not_mixed() -> None:
    one, other = Schema.of({"a": "integer"}), Schema.of({"a": "float"})
    assert joined([one, one, Schema()]) == one
    with pytest.raises(InputError, match="different schemas"):
        joined([one, other])

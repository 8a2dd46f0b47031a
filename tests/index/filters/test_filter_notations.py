"""Filters as strings and in JSON: what they mean, and where it is said that something is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from lsr.core.errors import InputError
from lsr.index.filters.language import parse_filter
from lsr.index.filters.names import FacetField, SortField, read_facets, read_name, read_sort
from lsr.index.filters.records import read_filter
from lsr.index.filters.tree import And, Eq, Exists, In, Not, Or, Prefix, Range, same


def test_the_string_and_the_json_of_the_guide_are_the_same_filter() -> None:
    text = 'year >= 2020 and lang in ("en", "de") and not draft'
    record = {
        "must": [{"range": {"year": {"gte": 2020}}}, {"in": {"lang": ["en", "de"]}}],
        "must_not": [{"eq": {"draft": True}}],
    }
    tree = And((Range("year", gte=2020), In("lang", ("en", "de")), Not(Eq("draft", True))))
    assert parse_filter(text) == read_filter(record) == tree
    assert str(tree) == text


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a or b and not (c or d)", Or((Eq("a", True), And((Eq("b", True), Not(Or((Eq("c", True), Eq("d", True))))))))),
        ("A == 'it\\'s' AND `and` != \"\\u00e4\\n\"", And((Eq("A", "it's"), Not(Eq("and", "ä\n"))))),
        ("1 < x <= 2.5", Range("x", gt=1, lte=2.5)),
        ("5 > x", Range("x", lt=5)),
        ("x not in [1, -2]", Not(In("x", (1, -2)))),
        ('exists(`my field`) and meta.page-no ^= "a"', And((Exists("my field"), Prefix("meta.page-no", "a")))),
        ("not not x = false", Eq("x", False)),
        ("x = 1e3 or x = true", Or((Eq("x", 1000.0), Eq("x", True)))),
    ],
)
def test_a_string_means(text: str, tree: Any) -> None:
    found = parse_filter(text)
    assert found is not None and same(found, tree)


@pytest.mark.parametrize(
    ("text", "says", "at"),
    [
        ('year >= and lang = "en"', "expected a value after >=, not and", 8),
        ("lang = en", 'a text is written in quotes: "en"', 7),
        ("(a or (b and c)", "this ( is not closed", 0),
        ("a and", "expected a field, not the end", 5),
        ("x = null", "ask with exists", 4),
        ("in = 3", "a field of this name is written `in`", 0),
        ('a = "x', 'this " is not closed', 4),
        ("5 < x > 3", "expected < or <= as before the field", 6),
        ("a b", "expected and, or, or the end, not b", 2),
        ("a = 1 ; b", "cannot read ';' here", 6),
        ('a = "\\q"', "a \\ begins one of", 5),
        ('a = "\\ud800"', "half of a surrogate pair", 4),
        ("x in ()", "expected a value", 6),
        ("x = " + "9" * 400, "within ±1e308", 4),
        ("(" * 65 + "a" + ")" * 65, "at most 64 levels", 64),
        (" and ".join(["a"] * 300) + " or", "expected a field", 2397 + 300),
    ],
)
def test_an_error_shows_its_place(text: str, says: str, at: int) -> None:
    with pytest.raises(InputError) as caught:
        parse_filter(text)
    assert says in caught.value.problem
    _, shown, caret = caught.value.problem.splitlines()
    rest = text[at : at + 10]
    assert shown[caret.index("^") :].startswith(rest) if rest else len(shown) == caret.index("^")


@pytest.mark.parametrize(
    ("record", "place", "says"),
    [
        ({"eq": {"a": None}}, "eq.a", "ask with exists"),
        ({"must": [{"range": {"y": {"gtt": 1}}}]}, "must.0.range.y.gtt", "did you mean gt?"),
        ({"musst": []}, "musst", "did you mean must?"),
        ({"must": [{"eq": {"a": 1}}, {}]}, "must.1", "no condition here"),
        ({"eq": {"a": 1}, "in": {"a": [1]}}, None, "one condition, not eq or in"),
        ({"in": {"a": []}}, "in.a", "at least one value"),
        ({"in": {"a": "en"}}, "in.a", "a list of values"),
        ({"prefix": {"a": 3}}, "prefix.a", "a prefix is a text"),
        ({"range": {"a": {"gt": 1, "gte": 2}}}, "range.a", "only one of gt and gte"),
        ({"eq": {"a": [1]}}, "eq.a", "not list"),
        ({"eq": {"a": float("nan")}}, "eq.a", "must be finite"),
        ({"eq": {"a": "\ud800"}}, "eq.a", "not valid Unicode"),
        ({"must": 3}, "must", "a list of filters"),
        ({"exists": 3}, "exists", "which it names"),
        (["eq"], None, "a string, an object or a tree"),
    ],
)
def test_an_error_in_json_names_its_place(record: Any, place: str | None, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_filter(record)
    assert caught.value.field == place
    assert says in caught.value.reason


def test_what_is_nested_too_deeply_or_too_much_is_refused() -> None:
    record: Any = {"eq": {"a": 1}}
    for _ in range(200):
        record = {"must_not": [record]}
    with pytest.raises(InputError, match="at most 64 levels"):
        read_filter(record)
    with pytest.raises(InputError, match="10,000 conditions"):
        read_filter({"should": [{"eq": {"a": 1}}] * 10_001})
    with pytest.raises(InputError, match="1,048,576 characters"):
        parse_filter("a" * (2 << 20))


@pytest.mark.parametrize("empty", [None, "", "  ", {}, {"must": []}, {"must": [], "must_not": []}])
def test_an_empty_filter_is_none(empty: Any) -> None:
    assert read_filter(empty) is None


def test_orders_and_counts_name_fields() -> None:
    assert read_sort("-year, `my, field`,_id") == (
        SortField("year", True),
        SortField("my, field", False),
        SortField("_id", False),
    )
    assert read_sort(["-year", "title"]) == read_sort(" -year ,title ") and read_sort("") == ()
    assert ", ".join(map(str, read_sort("-`and`, b"))) == "-`and`, b"
    expected = (FacetField("lang", 10), FacetField("my field", 3))
    assert read_facets("lang, `my field`:3") == read_facets({"lang": 10, "my field": 3}) == expected
    assert read_name("`a b`") == "a b"


@pytest.mark.parametrize(
    ("read", "bad"),
    [
        *((read_sort, bad) for bad in ("a,,b", "a:3", "a, a", 3, "a b")),
        *((read_facets, bad) for bad in ("-a", "a:0", "a:x")),
        *((read_name, bad) for bad in ("a, b", "-a")),
    ],
)
def test_what_names_no_field_is_refused(read: Any, bad: Any) -> None:
    with pytest.raises(InputError):
        read(bad)

"""Filters by brute force over Python values, and random ones of documents that have such fields."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lsr.core.schema import instant
from lsr.index.filters.tree import (
    And,
    Condition,
    Eq,
    Exists,
    Filter,
    In,
    Not,
    Or,
    Prefix,
    Range,
    either,
    every,
    negated,
)

SCHEMA = {
    "word": "keyword",
    "words": "keyword[]",
    "whole": "integer",
    "wholes": "integer[]",
    "number": "float",
    "when": "datetime",
    "flag": "boolean",
    "and": "keyword",
    "my field": "keyword",
}
WORDS = ["", "a", "ab", "abc", "b", "ä", "日本", 'qu"o\\te', "it's `x`", "new\nline", "\U0001f41f", "z" * 40]
WHOLES = [-(2**63), -3, -1, 0, 1, 2, 7, 2**53 + 1, 2**63 - 1]
NUMBERS = [-1e300, -2.5, -0.0, 0.5, 1, 2, 1e-300, 2.5]
DATES = ["2024-05-01", "2024-05-01T00:00:00Z", "2023-12-31T23:30:00-01:00", "1969-12-31T23:59:59.999999"]


def of_kind(kind: str) -> st.SearchStrategy[Any]:
    """A value of a type, without "[]"."""
    return {
        "keyword": st.sampled_from(WORDS),
        "integer": st.sampled_from(WHOLES),
        "float": st.sampled_from(NUMBERS),
        "datetime": st.sampled_from(DATES),
        "boolean": st.booleans(),
    }[kind]


def values(kind: str) -> st.SearchStrategy[Any]:
    """What a document may have in a field of this type."""
    one = of_kind(kind.removesuffix("[]"))
    several = [st.lists(st.one_of(st.none(), one), max_size=3)] if "[]" in kind else []
    return st.one_of(st.none(), one, *several)


def documents() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Fields of some documents; a field may be missing."""
    fields = st.fixed_dictionaries({}, optional={name: values(kind) for name, kind in SCHEMA.items()})
    return st.lists(fields, min_size=1, max_size=20)


@st.composite
def conditions(draw: Any) -> Condition:
    """A condition that fits the schema."""
    name = draw(st.sampled_from(sorted(SCHEMA)))
    kind = SCHEMA[name].removesuffix("[]")
    one = of_kind(kind) if kind not in ("integer", "float") else st.one_of(of_kind("integer"), of_kind("float"))
    forms = ["eq", "in", "exists"] + ["range"] * (kind != "boolean") + ["prefix"] * (kind == "keyword")
    form = draw(st.sampled_from(forms))
    if form == "eq":
        return Eq(name, draw(one))
    if form == "in":
        return In(name, tuple(draw(st.lists(one, min_size=1, max_size=4))))
    if form == "prefix":
        return Prefix(name, draw(one))
    if form == "exists":
        return Exists(name)
    ends = draw(st.sampled_from([("gt",), ("gte",), ("lt",), ("lte",), ("gt", "lte"), ("gte", "lt")]))
    return Range(name, **{end: draw(one) for end in ends})


def filters() -> st.SearchStrategy[Filter]:
    """A filter that fits the schema."""
    return st.recursive(
        conditions(),
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=4).map(every),
            st.lists(inner, min_size=2, max_size=4).map(either),
            inner.map(negated),
        ),
        max_leaves=8,
    )


def holds(tree: Filter, fields: dict[str, Any], schema: dict[str, str] = SCHEMA) -> bool:
    """Whether a document fulfils a filter."""
    if isinstance(tree, And):
        return all(holds(part, fields, schema) for part in tree.parts)
    if isinstance(tree, Or):
        return any(holds(part, fields, schema) for part in tree.parts)
    if isinstance(tree, Not):
        return not holds(tree.part, fields, schema)
    assert isinstance(tree, Condition)
    given = fields.get(tree.field)
    kind = schema[tree.field].removesuffix("[]")
    each = [_compared(kind, one) for one in (given if isinstance(given, list) else [given]) if one is not None]
    return any(_fulfils(tree, kind, one) for one in each)


def _fulfils(tree: Condition, kind: str, one: Any) -> bool:
    if isinstance(tree, Exists):
        return True
    if isinstance(tree, Prefix):
        return bool(one.startswith(tree.prefix))
    if isinstance(tree, Eq | In):
        return any(one == _compared(kind, value) for value in tree.values)
    assert isinstance(tree, Range)
    tests = {"gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b}
    return all(
        test(one, _compared(kind, bound)) for name, test in tests.items() if (bound := getattr(tree, name)) is not None
    )


def _compared(kind: str, value: Any) -> Any:
    """A value as it is compared: floats as doubles, dates as instants."""
    return float(value) if kind == "float" else instant(value) if kind == "datetime" else value

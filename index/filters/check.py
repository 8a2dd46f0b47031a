"""Holding a filter to the fields that there are, and its values to their types."""

from __future__ import annotations

import math
from typing import Any

from lsr.core.arguments import text_of
from lsr.core.errors import InputError
from lsr.core.options import did_you_mean, shortened
from lsr.core.schema import BOOLEAN, DATETIME, FLOAT, ID, INTEGER, KEYWORD, KINDS, FieldType, Schema, instant
from lsr.index.filters.language import parse_filter
from lsr.index.filters.places import problem_at
from lsr.index.filters.tree import Condition, Exists, Filter, Prefix, Range, bounds
from lsr.index.filters.words import Value

ID_TYPE = FieldType(KEYWORD)


def check_filter(tree: Filter, schema: Schema) -> None:
    """InputError for a field that there is not, and for a value of another type: it shows where, and the fields."""
    for number, condition in enumerate(tree.conditions()):
        problem = _problem(condition, schema)
        if problem is not None:
            text = str(tree)
            again = parse_filter(text)
            assert again is not None
            at = list(again.conditions())[number].at
            raise problem_at(f"{problem}; the fields are {schema.listed}", text, at)


def type_of(name: str, schema: Schema) -> FieldType:
    """The type of a field, or of "_id". InputError, which names the fields there are, if there is none."""
    if text_of(name, "the name of a field") == ID:
        return ID_TYPE
    if name not in schema.fields:
        raise InputError(f"{_unknown(name, schema)}; the fields are {schema.listed}")
    return schema.fields[name]


def operand(kind: str, value: Value) -> Any:
    """A value as it is compared with those of this kind; ValueError with what is expected if it cannot be."""
    if kind in (INTEGER, FLOAT) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if kind == FLOAT else value
    if kind == KEYWORD and isinstance(value, str):
        return value
    if kind == BOOLEAN and isinstance(value, bool):
        return value
    if kind == DATETIME and isinstance(value, str):
        return instant(value)
    raise ValueError("a number" if kind == INTEGER else KINDS[kind])


def whole_bounds(condition: Range) -> tuple[int, int]:
    """The least and the largest whole number of 64 bits within a range of numbers; none if the first is above."""
    least, most = -(2**63), 2**63 - 1
    for name, value in bounds(condition).items():
        assert not isinstance(value, str)
        if name == "gt":
            least = max(least, math.floor(value) + 1)
        elif name == "gte":
            least = max(least, math.ceil(value))
        elif name == "lt":
            most = min(most, math.ceil(value) - 1)
        else:
            most = min(most, math.floor(value))
    return least, most


def _problem(condition: Condition, schema: Schema) -> str | None:
    name = condition.field
    if name != ID and name not in schema.fields:
        return _unknown(name, schema)
    kind = ID_TYPE if name == ID else schema.fields[name]
    if isinstance(condition, Exists):
        return None
    if isinstance(condition, Prefix) and kind.kind != KEYWORD:
        return f"{name!r} is {kind}, and only texts have a beginning"
    if isinstance(condition, Range) and kind.kind == BOOLEAN:
        return f"{name!r} is {kind}, which has no order"
    for value in condition.values:
        try:
            operand(kind.kind, value)
        except ValueError as error:
            return f"{name!r} is {kind}: it is compared with {error}, not with {shortened(value)}"
    return None


def _unknown(name: str, schema: Schema) -> str:
    if name in schema.unfit:
        return f"{name!r} cannot be filtered by: {schema.unfit[name]}"
    if schema.too_many:
        return (
            f"{name!r} cannot be filtered by: the documents have so many different fields that those to filter by "
            "must be declared"
        )
    lacks = "the schema has no" if schema.declared else "no document has a"
    return f"{lacks} field {name!r}{did_you_mean(name, schema.fields)}"

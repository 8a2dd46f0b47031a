"""Filters as JSON: `{"must": [{"range": {"year": {"gte": 2020}}}], "must_not": [{"eq": {"draft": true}}]}`.

An object is one condition, by its name, or `must`, `should` and `must_not`, each with a filter or a list of them: all
of the first, at least one of the second if there are some, and none of the third.

    {"eq": {FIELD: VALUE}}      {"in": {FIELD: [VALUE, …]}}     {"range": {FIELD: {"gte": VALUE, "lt": VALUE}}}
    {"exists": FIELD}           {"prefix": {FIELD: TEXT}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lsr.core.annotated import as_annotated
from lsr.core.errors import InputError
from lsr.core.options import beneath, did_you_mean, listed, shortened
from lsr.index.filters.language import parse_filter
from lsr.index.filters.tree import (
    DEEPEST,
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
    bounds,
    check_size,
    either,
    every,
    negated,
)

_GROUPS = ("must", "should", "must_not")
_CONDITIONS = ("eq", "in", "range", "exists", "prefix")
_BOUNDS = ("gt", "gte", "lt", "lte")


def read_filter(given: Any) -> Filter | None:
    """The tree of a filter that is given as a string, as JSON or as a tree; None for one that is empty.

    InputError says what is wrong with it, and where.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return parse_filter(given)
    if isinstance(given, Filter):
        check_size(given)
        return given
    if not isinstance(given, Mapping):
        raise InputError(f"a filter is a string, an object or a tree of conditions, not {shortened(given)}")
    tree = filter_of(given)
    if tree is not None:
        check_size(tree)
    return tree


def filter_of(record: Any, depth: int = 0) -> Filter | None:
    """The tree of a filter in JSON; None for one without conditions. InputError names the place of what is wrong."""
    if depth > DEEPEST:
        raise InputError(f"a filter has at most {DEEPEST} levels")
    if not isinstance(record, Mapping):
        raise InputError(f"must be an object with {listed((*_GROUPS, *_CONDITIONS))}, not {shortened(record)}")
    for name in record:
        if name not in _GROUPS and name not in _CONDITIONS:
            near = did_you_mean(name, (*_GROUPS, *_CONDITIONS))
            raise InputError(f"there is no such condition: it is {listed((*_GROUPS, *_CONDITIONS))}{near}", field=name)
    if any(name in _CONDITIONS for name in record):
        if len(record) > 1:
            raise InputError(f"an object is one condition, not {listed([*record])}: combine several in must or should")
        ((name, about),) = record.items()
        with beneath(name):
            return _conditions(name, about)
    parts: list[Filter] = []
    for name in _GROUPS:
        with beneath(name):
            found = _group(record.get(name), depth)
        if name == "must_not":
            found = [negated(each) for each in found]
        elif name == "should" and found:
            found = [either(found)]
        parts += found
    return every(parts) if parts else None


@as_annotated
def record_of(tree: Filter) -> dict[str, Any]:
    """The same filter in JSON."""
    if isinstance(tree, And):
        # In the order that they have: negatives before others stay among these.
        last = max((place for place, part in enumerate(tree.parts) if not isinstance(part, Not)), default=-1)
        groups = {
            "must": [record_of(part) for part in tree.parts[: last + 1]],
            "must_not": [record_of(part.part) for part in tree.parts[last + 1 :] if isinstance(part, Not)],
        }
        return {name: parts for name, parts in groups.items() if parts}
    if isinstance(tree, Or):
        return {"should": [record_of(part) for part in tree.parts]}
    if isinstance(tree, Not):
        return {"must_not": [record_of(tree.part)]}
    assert isinstance(tree, Condition)
    if isinstance(tree, Exists):
        return {"exists": tree.field}
    about: Any = None
    if isinstance(tree, Range):
        about = bounds(tree)
    elif isinstance(tree, In):
        about = list(tree.of)
    else:
        (about,) = tree.values
    return {tree.name: {tree.field: about}}


def _group(given: Any, depth: int) -> list[Filter]:
    """The filters of must, should or must_not."""
    if given is None:
        return []
    if isinstance(given, Mapping):
        given = [given]
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InputError(f"must be a list of filters, not {shortened(given)}")
    found = []
    for place, each in enumerate(given):
        with beneath(str(place)):
            part = filter_of(each, depth + 1)
            if part is None:
                raise InputError("there is no condition here")
        found.append(part)
    return found


def _conditions(name: str, about: Any) -> Filter:
    """A condition on one field, or the same one on each of several."""
    if name == "exists":
        return Exists(about["field"] if isinstance(about, Mapping) and list(about) == ["field"] else about)
    if not isinstance(about, Mapping) or not about:
        raise InputError(f"must be an object with a field, as {{FIELD: …}}, not {shortened(about)}")
    parts = []
    for field, value in about.items():
        with beneath(str(field)):
            parts.append(_condition(name, field, value))
    return every(parts)


def _condition(name: str, field: str, value: Any) -> Condition:
    if name == "eq":
        return Eq(field, value)
    if name == "prefix":
        return Prefix(field, value)
    if name == "in":
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InputError(f"must be a list of values, not {shortened(value)}")
        if not value:
            raise InputError("needs at least one value")
        return In(field, tuple(value))
    if not isinstance(value, Mapping):
        raise InputError(f"must be an object with {listed(_BOUNDS)}, not {shortened(value)}")
    for bound in value:
        if bound not in _BOUNDS:
            raise InputError(f"must be {listed(_BOUNDS)}{did_you_mean(bound, _BOUNDS)}", field=str(bound))
    return Range(field, **value)

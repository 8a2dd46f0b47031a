"""Haystack's filters as ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.core.schema import ID
from lsr.index.filters.tree import Eq, Exists, Filter, In, Range, either, every, negated

with needed("haystack-ai", "haystack", "haystack"):
    from haystack.errors import FilterError

# No document has the empty id.
_NEVER: Final = Eq(ID, "")
_BOUNDS: Final = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_LOGIC: Final[dict[str, Callable[[list[Filter]], Filter]]] = {
    "AND": every,
    "OR": either,
    "NOT": lambda parts: negated(every(parts)),
}
_OTHERS: Final = {"content", "blob", "score", "embedding", "sparse_embedding"}


def tree_of(filters: Mapping[str, Any] | None) -> Filter | None:
    """The tree of a filter in Haystack's form; None for an empty one. FilterError says what is wrong with it."""
    if not filters:
        return None
    try:
        return _node(filters)
    except InputError as error:
        raise FilterError(str(error)) from error


def metadata_key(field: str) -> str:
    """The key of metadata that is named with or without `meta.`."""
    return field.removeprefix("meta.")


def _node(node: Any) -> Filter:
    if not isinstance(node, Mapping):
        raise FilterError(f"a filter is a dict, not {type(node).__name__}")
    return _comparison(node) if "field" in node else _group(node)


def _group(node: Mapping[str, Any]) -> Filter:
    operator = _item(node, "operator")
    if operator not in _LOGIC:
        raise FilterError(f"there is no operator {operator!r}: it is {', '.join(_LOGIC)}")
    parts = _item(node, "conditions")
    if not isinstance(parts, list) or not parts:
        raise FilterError(f"the conditions of {operator} are a list of at least one")
    return _LOGIC[operator]([_node(part) for part in parts])


def _comparison(node: Mapping[str, Any]) -> Filter:
    field, operator, value = _item(node, "field"), _item(node, "operator"), _item(node, "value")
    if field in _OTHERS:
        raise FilterError(f"documents are filtered by id and metadata, not by their {field}")
    name = ID if field == "id" else metadata_key(field)
    if operator in ("==", "!="):
        same = negated(Exists(name)) if value is None else Eq(name, _scalar(operator, value))
        return same if operator == "==" else negated(same)
    if operator in ("in", "not in"):
        if not isinstance(value, list):
            raise FilterError(f"{operator!r} needs a list, not {type(value).__name__}")
        texts = [each for each in value if each is not None]
        found: list[Filter] = [In(name, tuple(texts))] if texts else []
        found += [negated(Exists(name))] if None in value else []
        one = either(found) if found else _NEVER
        return one if operator == "in" else negated(one)
    if operator in _BOUNDS:
        return _NEVER if value is None else Range(name, **{_BOUNDS[operator]: _ordered(operator, value)})
    raise FilterError(f"there is no operator {operator!r}: it is ==, !=, in, not in, {', '.join(_BOUNDS)}")


def _item(node: Mapping[str, Any], name: str) -> Any:
    if name not in node:
        raise FilterError(f"{name!r} is missing in {dict(node)!r}")
    return node[name]


def _scalar(operator: str, value: Any) -> Any:
    if isinstance(value, list | dict):
        raise FilterError(f"{operator!r} compares with one value, not a {type(value).__name__}")
    return value.isoformat() if isinstance(value, datetime) else value


def _ordered(operator: str, value: Any) -> Any:
    """A number, or a date as documents have it."""
    value = _scalar(operator, value)
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise FilterError(f"{operator!r} compares numbers and dates of ISO 8601, not {value!r}") from None
    return value

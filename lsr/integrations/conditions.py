"""Filters on metadata, held to the fields that a collection has."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from lsr.core.options import beneath
from lsr.core.schema import ID
from lsr.index.filters.records import read_filter
from lsr.index.filters.tree import And, Condition, Filter, Not, Or, either, every, negated
from lsr.integrations.names import named


def fitted(given: Any, fields: Collection[str]) -> Filter | bool:
    """A filter on metadata (a string, JSON or a tree) as one on fields; True if all fulfil it, False if none can.

    A field that no document has is one that each of them lacks: no condition on it holds. Elsewhere in lsr that is an
    error, for it may be misspelt; here, a store is asked before the first document of a kind is in it.
    """
    with beneath("filter"):
        tree = read_filter(given)
    return True if tree is None else _fitted(tree, fields)


def _fitted(node: Filter, fields: Collection[str]) -> Filter | bool:
    if isinstance(node, Condition):
        name = named(node.field)
        return replace(node, field=name) if name == ID or name in fields else False
    if isinstance(node, Not):
        part = _fitted(node.part, fields)
        return not part if isinstance(part, bool) else negated(part)
    assert isinstance(node, And | Or)
    return joined((_fitted(part, fields) for part in node.parts), every=isinstance(node, And))


def joined(parts: Iterable[Filter | bool], *, every: bool) -> Filter | bool:
    """All of the parts, or at least one of them; True and False are what they say."""
    given = list(parts)
    if (not every) in given:
        return not every
    left = [part for part in given if not isinstance(part, bool)]
    if not left:
        return every
    return _all(left) if every else either(left)


_all = every

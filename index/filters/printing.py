"""A filter as the string that it is parsed from."""

from __future__ import annotations

import json
import re

from lsr.index.filters.tree import And, Condition, Eq, Exists, Filter, In, Not, Or, Prefix, Range, Value

KEYWORDS = frozenset({"and", "or", "not", "in", "exists", "true", "false", "null"})
PLAIN_NAME = re.compile(r"[^\W\d][\w.-]*")

_AND, _NOT = 2, 3


def name_text(name: str) -> str:
    """The name of a field, in backquotes if it is no plain word."""
    if PLAIN_NAME.fullmatch(name) and name.lower() not in KEYWORDS:
        return name
    return "`" + json.dumps(name, ensure_ascii=False)[1:-1].replace("`", "\\`") + "`"


def value_text(value: Value) -> str:
    """A value, as the language writes it: as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def text_of(tree: Filter) -> str:
    """The string that a filter is parsed from, with no more parentheses than it needs."""
    return _text(tree, 0)


def _text(node: Filter, within: int) -> str:
    """The text of a node that stands within an operator of this strength."""
    if isinstance(node, Condition):
        return _condition(node)
    if isinstance(node, Not):
        part = node.part
        if isinstance(part, Eq) and part.value is not True:
            return f"{name_text(part.field)} != {value_text(part.value)}"
        if isinstance(part, In):
            return f"{name_text(part.field)} not in {_values(part)}"
        return f"not {_text(part, _NOT)}"
    assert isinstance(node, And | Or)
    strength, word = (_AND, " and ") if isinstance(node, And) else (1, " or ")
    text = word.join(_text(part, strength) for part in node.parts)
    return f"({text})" if within >= strength else text


def _condition(node: Condition) -> str:
    name = name_text(node.field)
    if isinstance(node, Eq):
        return name if node.value is True else f"{name} = {value_text(node.value)}"
    if isinstance(node, In):
        return f"{name} in {_values(node)}"
    if isinstance(node, Prefix):
        return f"{name} ^= {value_text(node.prefix)}"
    if isinstance(node, Exists):
        return f"exists({name})"
    assert isinstance(node, Range)
    least = _bound(node.gt, ">", node.gte, ">=")
    most = _bound(node.lt, "<", node.lte, "<=")
    if least is None or most is None:
        sign, value = least or most or ("", 0)
        return f"{name} {sign} {value_text(value)}"
    return f"{value_text(least[1])} {least[0].replace('>', '<')} {name} {most[0]} {value_text(most[1])}"


def _bound(open_: Value | None, sign: str, closed: Value | None, closed_sign: str) -> tuple[str, Value] | None:
    if open_ is not None:
        return sign, open_
    return None if closed is None else (closed_sign, closed)


def _values(node: In) -> str:
    return f"({', '.join(map(value_text, node.of))})"

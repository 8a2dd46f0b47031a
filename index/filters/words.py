"""The words of the language of filters: names and values, as they are written."""

from __future__ import annotations

import json
import re

Value = str | int | float | bool

KEYWORDS = frozenset({"and", "or", "not", "in", "exists", "true", "false", "null"})
PLAIN_NAME = re.compile(r"[^\W\d][\w.-]*")


def name_text(name: str) -> str:
    """The name of a field, in backquotes if it is no plain word."""
    if PLAIN_NAME.fullmatch(name) and name.lower() not in KEYWORDS:
        return name
    return "`" + json.dumps(name, ensure_ascii=False)[1:-1].replace("`", "\\`") + "`"


def value_text(value: Value) -> str:
    """A value, as the language writes it: as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def values_text(values: tuple[Value, ...]) -> str:
    """Several values, in parentheses."""
    return f"({', '.join(map(value_text, values))})"

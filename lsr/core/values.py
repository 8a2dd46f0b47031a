"""JSON values: whether what came with a document can be stored, and given back by the HTTP service."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lsr.core.limits import DEEPEST

_EACH = 8
# Beyond 4,300 digits Python neither reads nor writes a whole number.
_MOST_BITS = 14_000


def problem_in(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first of named values that cannot be stored, by its name, with what is wrong; None if all can.

    Numbers must be finite and whole ones have at most 4,200 digits; objects and arrays may lie `DEEPEST` levels deep.
    """
    for name, value in values.items():
        if not isinstance(name, str):
            return str(name), f"a field's name must be a string, not {type(name).__name__}"
        if isinstance(value, str) or value is None:
            continue
        reason = _problem(value)
        if reason is not None:
            return name, reason
    return None


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number, and a finite one; true and false are none."""
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def is_text(value: str) -> bool:
    """Whether it can be written: half of a surrogate pair, which JSON may escape and Python hold, cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def characters_in(value: Any) -> int:
    """About how much room a value takes: the characters of its texts, and some for each value within it."""
    total, waiting = 0, [value]
    while waiting:
        value = waiting.pop()
        total += _EACH
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
    return total


def too_deep(value: Any) -> bool:
    """Whether objects and arrays lie more than `DEEPEST` levels deep. Does not recurse."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _problem(value: Any) -> str | None:
    if isinstance(value, dict | list) and too_deep(value):
        return f"nested too deeply: more than {DEEPEST} levels"
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            odd = next((name for name in value if not isinstance(name, str)), None)
            if odd is not None:
                return f"a name in an object must be a string, not {type(odd).__name__}"
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, float):
            if not math.isfinite(value):
                return f"a number must be finite, and {value} is what it reads as: JSON has no such number"
        elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
            return "a whole number may have at most 4,200 digits; write it as a string"
    return None

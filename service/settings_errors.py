"""What is wrong with a setting, in the words of the project's other errors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from lsr.core.errors import InputError
from lsr.core.options import did_you_mean, listed, shortened

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list of texts",
    "finite": "a finite number",
}


def first_mistake(error: ValidationError, known: Collection[str]) -> InputError:
    """The first mistake as an InputError that names the setting; `known` are the names that there are."""
    item = error.errors(include_url=False)[0]
    name = str(item["loc"][0]) if item["loc"] else None
    return InputError(_reason(item, name, known), field=name)


def _reason(item: Any, name: str | None, known: Collection[str]) -> str:
    kind, given, context = item["type"], shortened(item["input"]), item.get("ctx", {})
    if kind == "extra_forbidden":
        return f"there is no such setting{did_you_mean(name, known) or f'; there are {listed(sorted(known))}'}"
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']:g}, not {item['input']}"
    if kind == "literal_error":
        return f"must be {context['expected'].replace(chr(39), '')}, not {given}"
    if kind == "value_error":
        return str(context["error"])
    wanted = _KINDS.get(kind.partition("_")[0])
    return f"must be {wanted}, not {given}" if wanted else str(item["msg"])

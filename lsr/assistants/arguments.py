"""What is wrong with the arguments of a tool, in the words of the library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lsr.core.errors import InputError
from lsr.core.options import shortened

_KINDS = {"string": "a text", "integer": "a whole number", "number": "a number", "null": "null"}


def unknown(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[InputError]:
    """An error for each argument that the schema of a tool does not have."""
    known = schema.get("properties", {})
    for name in arguments:
        if name not in known:
            yield InputError(f"is no argument of this tool, which takes {', '.join(known)}", field=name[:80])


def unfit(found: list[Any], schema: Mapping[str, Any]) -> Iterator[InputError]:
    """An error for each argument that is missing or of another kind; `found`: pydantic's, of the same schema."""
    known = schema.get("properties", {})
    for each in found:
        name = str(each["loc"][0]) if each["loc"] else ""
        if each["type"] == "missing":
            yield InputError("is missing", field=name)
        else:
            given = shortened(each["input"])
            yield InputError(f"must be {_kind(known.get(name, {}))}, not {given}", field=name)


def _kind(schema: Mapping[str, Any]) -> str:
    """What a value has to be."""
    if "anyOf" in schema:
        return ", or ".join(map(_kind, schema["anyOf"]))
    kind = _KINDS.get(schema.get("type", ""), "of another kind")
    if "minimum" in schema and "maximum" in schema:
        kind += f" from {schema['minimum']} to {schema['maximum']}"
    return kind

"""A .json file: lines of objects, one array of objects, or one object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes
from lsr.core.structured import parse_json
from lsr.text.encodings import decode
from lsr.text.lines import OnBad, name_of, open_bytes, read_lines, stop
from lsr.text.readers import read_jsonl
from lsr.text.records import FieldNames, Record, unique_names


def read_json(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """The objects of a file whose first line is one of them are read line by line; others are parsed as a whole.

    Such a whole is bounded by `LONGEST_RECORD`; in an array, the line of a record is its number from 1.
    """
    if _has_lines(source):
        yield from read_jsonl(source, names, on_bad)
        return
    name = name_of(source)
    for number, values in enumerate(_whole(source), start=1):
        if isinstance(values, dict):
            yield Record(number, values)
        else:
            on_bad(InputError(f"item {number} of the array is not an object", source=name, line=number))


def _has_lines(source: str | Path) -> bool:
    """Whether the first line that isn't blank is a JSON object."""
    try:
        _, first = next(read_lines(source, stop), (0, ""))
        return isinstance(json.loads(first), dict)
    except (InputError, ValueError, RecursionError):
        return False


def _whole(source: str | Path) -> list[Any]:
    name = name_of(source)
    with open_bytes(source) as file:
        raw = file.read(LONGEST_RECORD + 1)
    if len(raw) > LONGEST_RECORD:
        raise InputError(
            f"one JSON value of more than {in_mebibytes(LONGEST_RECORD)}; make lines of it: jq -c '.[]' FILE.json > "
            "FILE.jsonl",
            source=name,
        )
    try:
        text, _ = decode(raw)
    except ValueError as error:
        raise InputError(str(error), source=name) from None
    if not text.strip():
        return []
    value = parse_json(text, name, object_pairs_hook=unique_names)
    return value if isinstance(value, list) else [value]

"""JSON and YAML of settings and descriptions, parsed within bounds: depth, and what aliases make of a small file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError, MissingInputError
from lsr.core.limits import DEEPEST, LONGEST_RECORD, MOST_VALUES, in_mebibytes
from lsr.core.values import too_deep

_DEEP = f"nested too deeply: more than {DEEPEST} levels"


def read_settings(path: str | Path, *, yaml: bool | None = None) -> Any:
    """The value of a file of settings: YAML by the ending of its name (.yaml, .yml) or if `yaml` says so, else JSON.

    Raises MissingInputError, and InputError that names the file and the line.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_RECORD + 1)
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise MissingInputError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise InputError("is a folder, where a file is needed", source=str(path)) from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"is not UTF-8: byte 0x{raw[error.start]:02x}", source=str(path), line=line) from None
    is_yaml = path.suffix.lower() in (".yaml", ".yml") if yaml is None else yaml
    return parse_yaml(text, str(path)) if is_yaml else parse_json(text, str(path))


def parse_json(text: str, source: str | None = None, **options: Any) -> Any:
    """The value of a JSON text; `options` go to `json.loads`. InputError names `source` and the line."""
    _check_length(text, source)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, **options)
    except json.JSONDecodeError as error:
        raise InputError(
            f"is not JSON: {error.msg} at column {error.colno}", source=source, line=error.lineno
        ) from None
    except ValueError as error:  # of a number of too many digits Python says what is of use to programmers
        raise InputError(f"is not JSON: {str(error).partition(';')[0]}", source=source) from None
    except RecursionError:
        raise InputError(f"is not JSON that can be read: {_DEEP}", source=source, line=_deep_line(text)) from None
    if text.count("[") + text.count("{") > DEEPEST and too_deep(value):
        raise InputError(f"is not JSON that can be read: {_DEEP}", source=source, line=_deep_line(text))
    return value


def parse_yaml(text: str, source: str | None = None, *, first_line: int = 1) -> Any:
    """The value of a YAML text, without tags of Python's. InputError names `source` and the line.

    Aliases are read, but only as many values as a person would write (`MOST_VALUES`), and none that holds itself.
    `first_line` is the number, in its file, of the line on which the text begins.
    """
    import yaml

    _check_length(text, source)
    try:
        for line, problem in _yaml_problems(yaml.parse(text, yaml.SafeLoader)):
            raise InputError(f"is not YAML that can be read: {problem}", source=source, line=first_line + line)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).replace("\n", " ")
        at = None if mark is None else first_line + mark.line
        raise InputError(f"is not YAML: {problem}", source=source, line=at) from None
    except (ValueError, OverflowError, TypeError) as error:  # a date out of range, a key that is a mapping
        raise InputError(f"is not YAML: {error}", source=source) from None
    return value


def _yaml_problems(events: Iterator[Any]) -> Iterator[tuple[int, str]]:
    """The first reason, with its line from 0, not to build the value that parsing events describe."""
    import yaml

    counts: dict[str, int] = {}  # values below each anchor that is complete
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and values counted before it
    values = 0
    for event in events:
        line = event.start_mark.line
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in {anchor for anchor, _ in open_nodes}:
                yield line, f"*{event.anchor} stands within what it names"
            values += counts.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            values += 1
            if event.anchor:
                counts[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, values))
            values += 1
            if len(open_nodes) > DEEPEST:
                yield line, _DEEP
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                counts[anchor] = values - before
        if values > MOST_VALUES:
            yield line, f"more than {MOST_VALUES:,} values, aliases written out"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _check_length(text: str, source: str | None) -> None:
    if len(text) > LONGEST_RECORD:
        raise InputError(f"holds more than {in_mebibytes(LONGEST_RECORD)}", source=source)


def _deep_line(text: str) -> int:
    """The line on which brackets first stand too deep."""
    depth, quoted, escaped = 0, False, False
    line = 1
    for character in text:
        if character == "\n":
            line += 1
        elif quoted:
            quoted, escaped = escaped or character != '"', character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            if depth > DEEPEST:
                return line
        elif character in "]}":
            depth -= 1
    return line

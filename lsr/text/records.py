"""Turn records (the named values of a line or a row) into Documents or Queries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.core.unique_ids import UniqueIds
from lsr.text.lines import OnBad

ID_NAMES = ("_id", "id", "docid", "doc_id", "pid")
TEXT_NAMES = ("text", "contents", "content", "body", "passage", "abstract")
QUERY_ID_NAMES = ("_id", "id", "qid", "query_id")
QUERY_TEXT_NAMES = ("text", "query", "question", "contents", "content")

_SKIPPED_KEPT = 20
_ONE_A_LINE = "each line must be one whole object (convert with jq -c . or, for an array, jq -c '.[]')"
_KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array", dict: "an object"}


@dataclass(frozen=True, slots=True)
class FieldNames:
    """Which fields contain the id, the title and the text; None looks for the usual names in order.

    Those are `_id`, `id`, `docid`, `doc_id`, `pid` for the id, `title` for the title, and `text`, `contents`,
    `content`, `body`, `passage`, `abstract` for the text; for queries `_id`, `id`, `qid`, `query_id`, and `text`,
    `query`, `question`, `contents`, `content`. A title may be missing. Every other field is kept in `Document.fields`.
    """

    id: str | None = None
    title: str | None = None
    text: str | None = None


class Record(NamedTuple):
    """Named values and the line (or row, from 1) that they came from; None for sources without lines."""

    line: int | None
    values: dict[str, Any]


@dataclass(slots=True)
class SkipReport:
    """What `on_error="skip"` left out: how many lines, and what was wrong with the first of them."""

    count: int = 0
    messages: list[str] = field(default_factory=list)

    def add(self, error: InputError) -> None:
        """Count one skipped line; the first 20 messages are kept."""
        self.count += 1
        if len(self.messages) < _SKIPPED_KEPT:
            self.messages.append(str(error))


def documents(records: Iterable[Record], names: FieldNames, source: str, on_bad: OnBad) -> Iterator[Document]:
    """Documents from the records; anything that breaks a rule, such as a duplicate id, goes to `on_bad`."""
    title_key = names.title or "title"
    seen = UniqueIds()
    for line, values in records:
        try:
            id_key, text_key = _find(values, names.id, ID_NAMES), _find(values, names.text, TEXT_NAMES)
            text = _string(values, text_key)
            title = "" if values.get(title_key) is None else _string(values, title_key)
            id = _new_id(values, id_key, seen)
        except _Broken as broken:
            on_bad(InputError(broken.reason, source=source, line=line, field=broken.field))
            continue
        for key in (id_key, text_key, title_key):
            values.pop(key, None)
        if values.get("metadata") == {}:  # BEIR writes it on every line, mostly empty
            del values["metadata"]
        yield Document(id, text, title, values)


def queries(records: Iterable[Record], names: FieldNames, source: str, on_bad: OnBad) -> Iterator[Query]:
    """Queries from the records; anything that breaks a rule, such as a duplicate id, goes to `on_bad`."""
    seen = UniqueIds()
    for line, values in records:
        try:
            text = _string(values, _find(values, names.text, QUERY_TEXT_NAMES))
            id = _new_id(values, _find(values, names.id, QUERY_ID_NAMES), seen)
        except _Broken as broken:
            on_bad(InputError(broken.reason, source=source, line=line, field=broken.field))
            continue
        yield Query(id, text)


def parse_object(line: str, **options: Any) -> dict[str, Any]:
    """Parse a line as a JSON object; `options` go to `json.loads`. ValueError says what is wrong."""
    try:
        value = json.loads(line, parse_constant=_refuse_constant, **options)
    except json.JSONDecodeError as error:
        hint = f"; {_ONE_A_LINE}" if line.startswith("[") or line.strip() == "{" else ""
        raise ValueError(f"malformed JSON: {error.msg} at column {error.colno}{hint}") from None
    except ValueError as error:
        raise ValueError(f"malformed JSON: {error}") from None
    except RecursionError:
        raise ValueError("malformed JSON: nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, found {_kind(value)}; {_ONE_A_LINE}")
    if "\\ud" in line or "\\uD" in line:
        _refuse_lone_surrogates(value)
    return value


def json_value(value: Any) -> Any:
    """`value` in JSON types: NaN becomes None; dates, bytes and other types become strings."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return json_value(value._asdict())
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        return [json_value(item) for item in value]
    return str(value)


def parse_id(value: Any) -> str:
    """An id as a string: a non-empty string or an integer. ValueError says what is wrong."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("is empty" if value == "" else f"must be a string or an integer, not {_kind(value)}")


class _Broken(Exception):
    def __init__(self, reason: str, field: str) -> None:
        self.reason, self.field = reason, field


def _find(values: Mapping[str, Any], name: str | None, usual: tuple[str, ...]) -> str:
    names = usual if name is None else (name,)
    for candidate in names:
        if candidate in values:
            return candidate
    there = ", ".join(map(repr, values)) or "none"
    usually = f" (nor any of {', '.join(names[1:])})" if len(names) > 1 else ""
    raise _Broken(f"missing{usually}; the fields here are {there}", names[0])


def _string(values: Mapping[str, Any], key: str) -> str:
    value = values[key]
    if not isinstance(value, str):
        raise _Broken(f"must be a string, not {_kind(value)}", key)
    return value


def _new_id(values: Mapping[str, Any], key: str, seen: UniqueIds) -> str:
    try:
        id = parse_id(values[key])
    except ValueError as error:
        raise _Broken(str(error), key) from None
    if not seen.add(id):
        raise _Broken(f"duplicate id {id!r}; ids must be unique", key)
    return id


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_lone_surrogates(value: dict[str, Any]) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        raise ValueError(f"half of a surrogate pair, \\u{code:04x}, is not a character") from None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return _KINDS.get(type(value), f"a {type(value).__name__}")

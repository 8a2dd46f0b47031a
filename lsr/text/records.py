"""Turn records (the named values of a line or a row) into Documents or Queries."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lsr.core.annotated import as_annotated
from lsr.core.arguments import fields_of
from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.core.limits import DEEPEST
from lsr.core.options import check_options
from lsr.core.unique_ids import UniqueIds
from lsr.core.values import problem_in, too_deep
from lsr.text.lines import OnBad

ID_NAMES = ("_id", "id", "docid", "doc_id", "pid", "docno", "document_id", "passage_id", "corpus_id")
TEXT_NAMES = ("text", "contents", "content", "body", "passage", "abstract", "document", "passage_text")
QUERY_ID_NAMES = ("_id", "id", "qid", "query_id", "topic_id")
QUERY_TEXT_NAMES = ("text", "query", "question", "contents", "content", "query_text", "topic")

# Of one record: what takes Python some hundred megabytes, were each an empty object.
_MOST_VALUES = 1 << 22
_ONE_A_LINE = "each line must be one whole object (convert with jq -c . or, for an array, jq -c '.[]')"
_UNCOUNTED = str.maketrans("", "", " _-")
_KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array", dict: "an object"}


@dataclass(frozen=True, slots=True)
class FieldNames:
    """Which fields contain the id, the title and the text; None looks for the usual names in order.

    Those are `_id`, `id`, `docid`, `doc_id`, `pid`, `docno`, `document_id`, `passage_id`, `corpus_id` for the id,
    `title` for the title, and `text`, `contents`, `content`, `body`, `passage`, `abstract`, `document`, `passage_text`
    for the text; for queries `_id`, `id`, `qid`, `query_id`, `topic_id`, and `text`, `query`, `question`, `contents`,
    `content`, `query_text`, `topic`. Where none stands as it is written here, `Doc-ID` is taken for `doc_id`: capitals,
    hyphens, underscores and spaces do not count. A title may be missing. Every other field is kept in
    `Document.fields`.
    """

    id: str | None = None
    title: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        check_options(self)


class Record(NamedTuple):
    """Named values and where they came from.

    Attributes:
        line: the line (or row, from 1); None where there are no lines.
        file: of a folder; None where the source is one file.
    """

    line: int | None
    values: dict[str, Any]
    file: str | None = None


@as_annotated
def documents(records: Iterable[Record], names: FieldNames, source: str, on_bad: OnBad) -> Iterator[Document]:
    """Documents from the records; anything that breaks a rule, such as a duplicate id, goes to `on_bad`."""
    seen = UniqueIds()
    for line, values, file in records:
        try:
            id_key, text_key = _find(values, names.id, ID_NAMES), _find(values, names.text, TEXT_NAMES)
            title_key = names.title or usual_name(values, ("title",)) or "title"
            text = _string(values, text_key)
            title = "" if values.get(title_key) is None else _string(values, title_key)
            id = _new_id(values, id_key, seen)
        except _Broken as broken:
            on_bad(InputError(broken.reason, source=file or source, line=line, field=broken.field))
            continue
        for key in (id_key, text_key, title_key):
            values.pop(key, None)
        if values.get("metadata") == {}:  # BEIR writes it on every line, mostly empty
            del values["metadata"]
        if values and (problem := problem_in(values)):
            on_bad(InputError(problem[1], source=file or source, line=line, field=problem[0]))
            continue
        yield Document(id, text, title, values)


@as_annotated
def document_of(values: Mapping[str, Any]) -> Document:
    """The document of one record, named as usual. InputError says what is wrong with it."""

    def refuse(error: InputError) -> None:
        raise error

    (document,) = documents([Record(None, fields_of(values, "a document"))], FieldNames(), "this document", refuse)
    return document


@as_annotated
def queries(records: Iterable[Record], names: FieldNames, source: str, on_bad: OnBad) -> Iterator[Query]:
    """Queries from the records; anything that breaks a rule, such as a duplicate id, goes to `on_bad`."""
    seen = UniqueIds()
    for line, values, file in records:
        try:
            text = _string(values, _find(values, names.text, QUERY_TEXT_NAMES))
            id = _new_id(values, _find(values, names.id, QUERY_ID_NAMES), seen)
        except _Broken as broken:
            on_bad(InputError(broken.reason, source=file or source, line=line, field=broken.field))
            continue
        yield Query(id, text)


def parse_object(line: str, **options: Any) -> dict[str, Any]:
    """One line's JSON object; `options` go to `json.loads`. ValueError says what is wrong.

    A name that appears twice in one object is refused: which of its values is meant, nobody can tell.
    """
    # Only long lines can hold that many, and only these take time to count.
    if len(line) > _MOST_VALUES and sum(map(line.count, ",[{")) > _MOST_VALUES:
        raise ValueError(f"holds more than {_MOST_VALUES:,} values")
    try:
        value = json.loads(line, **{"parse_constant": _refuse_constant, "object_pairs_hook": unique_names, **options})
    except json.JSONDecodeError as error:
        hint = f"; {_ONE_A_LINE}" if line.startswith("[") or line.strip() == "{" else ""
        raise ValueError(f"malformed JSON: {error.msg} at column {error.colno}{hint}") from None
    except ValueError as error:
        raise ValueError(f"malformed JSON: {error}") from None
    except RecursionError:
        raise ValueError(f"malformed JSON: nested too deeply: more than {DEEPEST} levels") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, found {_kind(value)}; {_ONE_A_LINE}")
    if line.count("[") + line.count("{") > DEEPEST and too_deep(value):
        raise ValueError(f"nested too deeply: more than {DEEPEST} levels")
    if "\\ud" in line or "\\uD" in line:
        _refuse_lone_surrogates(value)
    return value


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """As `object_pairs_hook`: the object. ValueError names one that appears twice in it."""
    named = dict(pairs)
    if len(named) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} appears twice in one object")
    return named


def usual_name(there: Collection[str], usual: tuple[str, ...]) -> str | None:
    """Which of the names that are there is a usual one, the first of those; None if none is.

    Where none is written as usual, capitals, hyphens, underscores and spaces do not count: "Doc-ID" is `doc_id`.
    """
    for candidate in usual:
        if candidate in there:
            return candidate
    plain: dict[str, str] = {}
    for name in there:
        plain.setdefault(_plain(name), name)
    return next((plain[_plain(candidate)] for candidate in usual if _plain(candidate) in plain), None)


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


def _plain(name: str) -> str:
    return name.translate(_UNCOUNTED).casefold()


class _Broken(Exception):
    def __init__(self, reason: str, field: str) -> None:
        self.reason, self.field = reason, field


def _find(values: Mapping[str, Any], name: str | None, usual: tuple[str, ...]) -> str:
    names = usual if name is None else (name,)
    found = usual_name(values, names) if name is None else name if name in values else None
    if found is not None:
        return found
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

"""What OpenSearch and Elasticsearch have in common: requests of a folder, and the types of fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError
from lsr.core.schema import BOOLEAN, DATETIME, FLOAT, INTEGER, KEYWORD, FieldType
from lsr.exchange.source import DOCUMENT, VECTOR, WINDOW, Row, Source, pairs

BULK = "bulk"
"""The folder of the requests that add documents."""

REQUEST_BYTES = 10_000_000
"""The most that a bulk request holds, unless one document is larger: both engines advise 5 to 15 MB."""

_LONGEST_ID = 512
# The longest term of Lucene has 32,766 bytes.
_LONGEST_KEYWORD = 8191
_TYPES: Mapping[str, Mapping[str, Any]] = {
    KEYWORD: {"type": "keyword", "ignore_above": _LONGEST_KEYWORD},
    INTEGER: {"type": "long"},
    FLOAT: {"type": "double"},
    DATETIME: {"type": "date"},
    BOOLEAN: {"type": "boolean"},
}


def mapping(source: Source, vector: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping of an index: `vector` is what the vector's field is; fields that are not typed are kept, not indexed.

    InputError for fields that cannot be in one index together.
    """
    properties: dict[str, Any] = {VECTOR: dict(vector)}
    if source.texts:
        properties |= {"title": {"type": "text"}, "text": {"type": "text"}}
    if source.windows:
        properties |= {DOCUMENT: {"type": "keyword"}, WINDOW: {"type": "integer"}}
    if source.fields:
        typed = {name: dict(_TYPES[kind.kind]) for name, kind in _checked(source.fields)}
        properties["fields"] = {"type": "object", "dynamic": "false", "properties": typed}
    return {"dynamic": "false", "properties": properties}


def _checked(fields: Mapping[str, FieldType]) -> Iterator[tuple[str, FieldType]]:
    for name, kind in fields.items():
        if not all(part.strip() for part in name.split(".")):
            raise InputError("cannot be the name of a field there: rename it, or leave the texts out", field=name)
        above = next((other for other in fields if name.startswith(f"{other}.")), None)
        if above is not None:
            raise InputError(
                f"and {above!r} cannot be in one index there, where a dot leads into an object: rename one, or leave "
                "the texts out",
                field=name,
            )
        yield name, kind


def write_requests(folder: Path, source: Source) -> int:
    """Write the bulk requests, `bulk/000001.ndjson` and so on, and return the number of documents."""
    for id in source.ids():
        if len(id.encode()) > _LONGEST_ID:
            raise InputError(f"the id {id[:40]!r}… has more than the {_LONGEST_ID} bytes that an id may have there")
    (folder / BULK).mkdir()
    documents = number = size = 0
    file = None
    try:
        for row in source.rows():
            lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in _request(source, row)).encode()
            if file is None or size + len(lines) > REQUEST_BYTES:
                if file is not None:
                    file.close()
                number, size = number + 1, 0
                file = (folder / BULK / f"{number:06}.ndjson").open("wb")
            file.write(lines)
            documents, size = documents + 1, size + len(lines)
    finally:
        if file is not None:
            file.close()
    return documents


def write_json(path: Path, value: Any) -> None:
    """Write a value for people and machines."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _request(source: Source, row: Row) -> Iterable[dict[str, Any]]:
    """The two lines of a bulk request about a document."""
    content: dict[str, Any] = {}
    if row.window is not None:
        content |= {DOCUMENT: row.document.id, WINDOW: row.window}
    if source.texts:
        content |= {"title": row.document.title, "text": row.document.text}
        if values := source.values(row.document):
            content["fields"] = values
    if len(row.terms):
        content[VECTOR] = pairs(row.terms, row.weights)
    return {"index": {"_id": row.id}}, content

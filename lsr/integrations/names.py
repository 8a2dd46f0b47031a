"""Metadata as fields of documents, under names that hold nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lsr.core.documents import Document
from lsr.core.schema import ID

EXTRAS: Final = "_extras"
"""The field for what a tool's document has beside text and metadata."""

# What stands for a document's own parts in JSON, or for extras. As metadata, these begin with a dot (and so with a dot,
# with two).
_OWN: Final = re.compile(rf"\.*(_id|title|text|{EXTRAS})")


def field_of(key: str) -> str:
    """The name of the field that metadata of this key are in: `title` is in `.title`, `.title` in `..title`."""
    return f".{key}" if _OWN.fullmatch(key) else key


def key_of(field: str) -> str:
    """The key of the metadata in a field: the opposite of `field_of`."""
    return field[1:] if field.startswith(".") and _OWN.fullmatch(field) else field


def fields_of(metadata: Mapping[str, Any], extras: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Metadata, and extras if there are some, as fields."""
    return {field_of(key): value for key, value in metadata.items()} | ({EXTRAS: dict(extras)} if extras else {})


def metadata_of(document: Document) -> dict[str, Any]:
    """The metadata in a document's fields; with its title, as far as it has one."""
    title = {"title": document.title} if document.title else {}
    return title | {key_of(field): value for field, value in document.fields.items() if field != EXTRAS}


def extras_of(document: Document) -> dict[str, Any]:
    """The extras of a document."""
    found = document.fields.get(EXTRAS)
    return dict(found) if isinstance(found, Mapping) else {}


def named(key: str) -> str:
    """What a filter on metadata of this key names; `_id` is the document's own id."""
    return key if key == ID else field_of(key)

"""Metadata as fields of documents, under names that hold nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lsr.core.documents import Document
from lsr.core.schema import ID

# What stands for a document's own parts in JSON. As metadata, and so on with more dots, they begin with a dot.
_OWN: Final = re.compile(r"\.*(_id|title|text)")


def field_of(key: str) -> str:
    """The name of the field that metadata of this key are in: `title` is in `.title`, `.title` in `..title`."""
    return f".{key}" if _OWN.fullmatch(key) else key


def key_of(field: str) -> str:
    """The key of the metadata in a field: the opposite of `field_of`."""
    return field[1:] if field.startswith(".") and _OWN.fullmatch(field) else field


def fields_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as fields."""
    return {field_of(key): value for key, value in metadata.items()}


def metadata_of(document: Document) -> dict[str, Any]:
    """The metadata in a document's fields; with its title, as far as it has one."""
    title = {"title": document.title} if document.title else {}
    return title | {key_of(field): value for field, value in document.fields.items()}


def named(key: str) -> str:
    """What a filter on metadata of this key names; `_id` is the document's own id."""
    return key if key == ID else field_of(key)

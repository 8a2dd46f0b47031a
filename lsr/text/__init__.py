"""Text in: corpora and queries of every format, streamed as documents and queries."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.text.corpus import FORMATS, count_documents, open_corpus, open_queries
    from lsr.text.records import FieldNames
    from lsr.text.reports import SkipReport

# Resolved on first use: an index needs windows, but no reader.
_HOMES = {
    "FORMATS": "lsr.text.corpus",
    "FieldNames": "lsr.text.records",
    "SkipReport": "lsr.text.reports",
    "count_documents": "lsr.text.corpus",
    "open_corpus": "lsr.text.corpus",
    "open_queries": "lsr.text.corpus",
}

__all__ = ["FORMATS", "FieldNames", "SkipReport", "count_documents", "open_corpus", "open_queries"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lsr.text' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""What is said of a collection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lsr.core.errors import InputError
from lsr.search.relevance import calibrated_searches
from lsr.service.backend import SearchBackend, SearchedIndex
from lsr.service.settings import ServiceSettings

if TYPE_CHECKING:
    from lsr.index import Index

_LIMITS = (
    "max_k",
    "max_text_length",
    "max_texts",
    "max_vector_terms",
    "max_rerank",
    "max_body_bytes",
    "max_bulk_bytes",
)


def summary(name: str, backend: SearchBackend, aliases: list[str]) -> dict[str, Any]:
    """A line of the list of collections."""
    return {
        "name": name,
        "documents": len(backend.index.documents),
        "model": model_name(backend.model),
        "dense": dense_model(backend.index),
        "aliases": aliases,
    }


def description(name: str, backend: SearchBackend, aliases: list[str], settings: ServiceSettings) -> dict[str, Any]:
    """All that is said of a collection."""
    index = backend.index
    said = index.describe()
    return {
        **summary(name, backend, aliases),
        "modes": said.get("modes", []),
        "calibrated": calibrated_searches(cast("Index", index)) if getattr(index, "manifest", None) is not None else [],
        "fields": _fields(index),
        "created": said.get("created"),
        "bytes": said.get("bytes", {}).get("total"),
        "limits": limits(settings),
    }


def limits(settings: ServiceSettings) -> dict[str, int]:
    """The limits on requests that a client may want to know."""
    return {name: getattr(settings, name) for name in _LIMITS}


def model_name(model: str | None) -> str | None:
    """The name of a model; of a folder, its last part: where it lies on the server's disk concerns nobody."""
    return Path(model).name if model is not None and Path(model).is_absolute() else model


def dense_model(index: SearchedIndex) -> str | None:
    """The name of the model of dense vectors, "own" where none is known, or None if there are none."""
    live = getattr(getattr(index, "manifest", None), "live", None)
    record = None if live is None else live.dense
    if record is None:
        if "dense" not in index.parts:
            return None
        record = index.describe().get("parts", {}).get("dense", {})
    encoder = record.get("encoder") or {}
    return model_name(encoder.get("model")) or "own"


def _fields(index: SearchedIndex) -> dict[str, str]:
    """The types of fields that documents can be filtered by."""
    fields = getattr(index.documents, "fields", None)
    if fields is None:
        return {}
    try:
        return {name: str(kind) for name, kind in fields.schema.fields.items()}
    except InputError:  # a large index that was built before there were columns of them
        return {}

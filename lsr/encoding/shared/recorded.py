"""Models that an index names. Who made the index need not be who opens it, so its word is not enough to load one.

A recorded model is loaded if it is packaged, a folder here or a hub model that the cache holds, and the fingerprint of
its files is the recorded one, which is compared before a weight is read. Nothing is downloaded on an index's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

from lsr.core.errors import IndexFormatError, ModelError, Remedy
from lsr.encoding.shared.hub import locate
from lsr.encoding.shared.tokens import MOST_TOKENS

_FORMS: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "max_length": (int,),
    "special_tokens": (bool,),
    "window_overlap": (int, NoneType),
    "query_prompt": (str,),
    "document_prompt": (str,),
    "skipped": (list,),
    "query": (dict,),
    "document": (dict,),
}


def recorded(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """These fields of an encoder's record. IndexFormatError for one that is missing or of another type."""
    for name in names:
        value, types = record.get(name), _FORMS[name]
        if type(value) not in types or (isinstance(value, int) and not 0 <= value <= MOST_TOKENS):
            expected = " or ".join("null" if each is NoneType else each.__name__ for each in types)
            raise IndexFormatError(f"the index's record of its encoder has {name}: {value!r}; expected {expected}")
    return {name: record.get(name) for name in names}


def recorded_options(record: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of `SparseEncoder.load` by which it reads and pools as a record says; none for an empty one."""
    if not record:
        return {}
    options = recorded(record, "max_length", "special_tokens", "window_overlap")
    query = recorded(record, "query")["query"]
    return options | {name: query[name] for name in ("pooling", "activation") if name in query}


def locate_recorded(record: Mapping[str, Any]) -> tuple[str, Path]:
    """As `locate`, of the model that a record names; ModelError if it would have to be downloaded."""
    return locate(recorded(record, "model")["model"], download=False)


def check_recorded(
    name: str, now: Mapping[str, Any], then: Mapping[str, Any], of: str, remedies: Sequence[Remedy | str] = ()
) -> None:
    """ModelError unless what a model says of itself is recorded so: with other files it would give other vectors."""
    if now != {field: then.get(field) for field in now}:
        raise ModelError(
            f"the model at {name} is not the one that made {of} (weights or configuration changed)",
            remedies=remedies or ["make them again"],
        )

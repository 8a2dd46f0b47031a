"""Arguments of the wrong kind, refused by InputError, which says what is wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError


def count(value: Any, name: str = "k", *, least: int = 1) -> int:
    """A whole number of at least `least`, of whatever integer type. InputError for anything else."""
    if type(value) is not int:
        try:
            if isinstance(value, bool):
                raise TypeError
            value = index(value)
        except TypeError:
            raise InputError(f"{name} must be a whole number, not {kind_of(value)}") from None
    if value < least:
        raise InputError(f"{name} must be at least {least}, not {value}")
    return int(value)


def path_of(value: Any, what: str = "a path") -> Path:
    """A path. InputError for what is neither a string nor a path."""
    if not isinstance(value, (str, os.PathLike)):
        raise InputError(f"{what} must be a string or a path, not {kind_of(value)}")
    return Path(os.fsdecode(value))


def texts_of(value: Iterable[str], what: str = "texts") -> Iterable[str]:
    """What gives texts, as it is. InputError for what does not, and for one string, whose letters are no texts."""
    if isinstance(value, (str, bytes)):
        raise InputError(f"give a list of {what}, not one string")
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise InputError(f"give a list of {what}, not {kind_of(value)}")
    return value


def list_of_texts(value: Iterable[str], what: str = "texts") -> Sequence[str]:
    """The same with a length: what comes one at a time is read to its end."""
    value = texts_of(value, what)
    return value if isinstance(value, Sequence) else list(value)


def kind_of(value: Any) -> str:
    """What a value is, for a message: its type and, if that is short, itself."""
    text = repr(value)
    return f"{text} ({type(value).__name__})" if len(text) <= 40 else f"a {type(value).__name__}"

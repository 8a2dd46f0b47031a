"""Arguments of the wrong kind, refused by InputError, which says what is wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError

# What kernels and slices count up to.
_BEYOND = 2**63


def count(value: Any, name: str = "k", *, least: int = 1) -> int:
    """A whole number of at least `least`, of whatever integer type. InputError for anything else."""
    if type(value) is not int:
        try:
            if isinstance(value, bool):
                raise TypeError
            value = index(value)
        except TypeError:
            raise InputError(f"{name} must be a whole number, not {kind_of(value)}") from None
    if value >= _BEYOND:
        raise InputError(f"{name} must be a number of reasonable size, not {value}")
    if value < least:
        raise InputError(f"{name} must be at least {least}, not {value}")
    return int(value)


def place_in(value: Any, length: int, what: str) -> int:
    """The number of one of `length`, from 0 on; below 0, from the end. InputError for what is none of theirs."""
    number = count(value, f"the number of {what}", least=-length)
    if number >= length:
        raise InputError(f"there is no {what} {number}: there are {length:,}")
    return number + length if number < 0 else number


def path_of(value: Any, what: str = "a path") -> Path:
    """A path. InputError for what is neither a string nor a path."""
    if not isinstance(value, (str, os.PathLike)):
        raise InputError(f"{what} must be a string or a path, not {kind_of(value)}")
    path = os.fsdecode(value)
    try:
        if b"\0" not in os.fsencode(path):
            return Path(path)
    except UnicodeEncodeError:
        pass
    raise InputError(f"{what} can be no {path!r}, which has characters that no file's name has")


def text_of(value: Any, what: str) -> str:
    """A string. InputError for anything else."""
    if not isinstance(value, str):
        raise InputError(f"{what} must be a string, not {kind_of(value)}")
    return value


def fields_of(value: Any, what: str) -> dict[str, Any]:
    """A dict by names. InputError for what is none."""
    if not isinstance(value, Mapping):
        raise InputError(f"{what} must be a dict, not {kind_of(value)}")
    for name in value:
        text_of(name, f"a name in {what}")
    return dict(value)


def list_of(value: Any, what: str) -> list[Any]:
    """A list, also of an array. InputError for what cannot be one, and for a string, whose letters are no values."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, str | bytes | Mapping) or not isinstance(plain, Iterable):
        raise InputError(f"{what} must be a list, not {kind_of(value)}")
    return list(plain)


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

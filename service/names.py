"""The names of collections, of aliases and of snapshots."""

from __future__ import annotations

import re

from lsr.core.errors import InputError
from lsr.core.options import shortened

PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
"""A name is one of a folder, too, and a part of a path in a URL: nothing in it can mean another place."""

_NAME = re.compile(PATTERN)
# Of devices, or of another folder, once the folder is on Windows.
_ELSEWHERE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|.*\.")


def is_name(text: str) -> bool:
    """Whether something may be called this."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str, field: str = "name") -> str:
    """The name; InputError if nothing can be called so."""
    if not is_name(text):
        raise InputError(
            f"{shortened(text)} is no name: at most 128 letters, digits, dots, hyphens and underscores, of which the "
            "first is a letter or a digit",
            field=field,
        )
    if _ELSEWHERE.fullmatch(text):
        raise InputError(f"{shortened(text)} is something else on another system: choose another name", field=field)
    return text

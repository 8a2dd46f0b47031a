"""What must not be told: keys in what is logged or answered, paths on disk in what is answered."""

from __future__ import annotations

import re

KEY = re.compile(r"lsr_([0-9a-z]{10})_[A-Za-z0-9_-]{43}")
"""A key: a mark that tools which look for leaked secrets can know it by, its id, and its secret of 256 random bits."""

# The last part may be told: the name of a collection, of a model, of a file in it.
_ON_DISK = re.compile(r"(?<![\w.:/~-])~?(?:/[^/\s'\",;]+)+/([^/\s'\",;:]+)")


def without_keys(text: str) -> str:
    """The text with the secrets of keys left out; their ids stay."""
    return KEY.sub(r"lsr_\1_…", text) if "lsr_" in text else text


def without_paths(text: str) -> str:
    """The text with the names of files and folders in place of their paths."""
    return _ON_DISK.sub(r"\1", text)

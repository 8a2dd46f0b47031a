"""Bounds on what one piece of a file may make its reader hold, whoever wrote the file.

They are far above what texts have, and low enough that a few of the largest fit into memory side by side.
"""

from __future__ import annotations

LONGEST_RECORD = 1 << 26
"""Bytes of a line, of a row's values, or of a file that is one document: 64 MiB."""

DEEPEST = 100
"""Levels of objects and arrays within each other: what Python's own parsers, which recurse, read from any depth of
calls."""

MOST_VALUES = 100_000
"""Values of a YAML file of settings once its aliases are written out."""


def in_mebibytes(size: int) -> str:
    """A number of bytes for a message, such as "64 MiB"."""
    return f"{size / 2**20:,.0f} MiB"

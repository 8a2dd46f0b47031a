"""The order of the folders of tests, by what several workers would otherwise lose."""

from __future__ import annotations

from collections.abc import Sequence

# Folders whose tests compile kernels, which all later processes then find, with the quickest tests last.
_WITH_KERNELS = ("index", "benchmarks", "cli", "build", "eval", "golden", "search", "collection", "service")
# The others, likewise.
_WITHOUT = ("training", "encoding", "docs", "demo", "fuzz", "architecture", "core", "text", "vectors")

FOLDERS = (*_WITH_KERNELS, *_WITHOUT)
"""All folders of tests.

`--dist worksteal` gives each worker an equal run of consecutive tests, and one that is through with its own takes over
from the ends of the others'. So long tests stand far from the ends, where the last of them would keep one worker busy
and all others idle. And of two workers, the first alone compiles kernels on a machine that has none yet; in the order
of the alphabet both would compile the same ones at the same time.
"""


def place(parts: Sequence[str]) -> int:
    """Where a test goes whose file lies there below `tests`: by its folder; what lies in none comes last."""
    return FOLDERS.index(parts[0]) if parts[0] in FOLDERS else len(FOLDERS)

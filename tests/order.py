"""The order of the folders of tests, by what several workers would otherwise lose."""

from __future__ import annotations

from collections.abc import Sequence

FOLDERS = (
    # Kernels are compiled here, and found by all later processes.
    *("index", "benchmarks", "cli", "build", "eval", "golden"),
    # Here hardly any is needed: half of all tests lie behind a place between these folders.
    *("encoding", "architecture", "core", "text", "vectors", "training"),
    # These need most of them again. The quickest tests come last.
    *("fuzz", "demo", "docs", "search", "collection", "service", "client", "integrations", "exchange", "assistants"),
)
"""All folders of tests.

`--dist worksteal` gives each worker an equal run of consecutive tests, and one that is through with its own takes over
from the ends of the others'. So long tests stand far from the ends, where the last of them would keep one worker busy
and all others idle. And of two workers, the second begins where no kernels are needed: on a machine that has none yet
both would compile the same ones at the same time.
"""


def place(parts: Sequence[str]) -> int:
    """Where a test goes whose file lies there below `tests`: by its folder; what lies in none comes last."""
    return FOLDERS.index(parts[0]) if parts[0] in FOLDERS else len(FOLDERS)

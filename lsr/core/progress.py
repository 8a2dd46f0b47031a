"""Progress through the stages of long work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Stages = Callable[[str, int | None, str], AbstractContextManager[Callable[[int], None]]]
"""Called with a stage's description, its number of items (None if not known) and their unit; gives, for as long as the
stage lasts, a function that takes the number of items just finished."""


@contextmanager
def silent(description: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """Shows nothing."""
    yield lambda count: None

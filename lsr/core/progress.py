"""Progress through the stages of long work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from lsr.core.counted import singular

Progress = Callable[[int], None]
"""Called with the number of items just finished."""

Stages = Callable[[str, int | None, str], AbstractContextManager[Progress]]
"""Called with a stage's description, its number of items (None if not known) and their unit; gives, for as long as the
stage lasts, a function that takes the number of items just finished."""


def remark(progress: Progress, words: str) -> None:
    """Show words beside the count, where progress has a place for them: a function `remark` of its own."""
    show = getattr(progress, "remark", None)
    if show is not None:
        show(words)


@contextmanager
def silent(description: str, total: int | None, unit: str) -> Iterator[Progress]:
    """Stages that show nothing."""
    yield lambda count: None


def in_proportion(progress: Progress | None, *, counted: int, reported: int) -> Progress:
    """A function that counts up to `counted` items and reports up to `reported` items to `progress` in proportion.

    For work whose steps are not the items that its caller counts: several passes over them, or parts of them. If there
    is nothing to count, all are reported at the first call.
    """
    done = told = 0

    def count(finished: int) -> None:
        nonlocal done, told
        done += finished
        reached = reported * done // counted if counted else reported
        if progress is not None and reached > told:
            progress(reached - told)
        told = reached

    return count


def in_speed(rate: float, unit: str) -> str:
    """The speed of so many items a second: of slow work, how long one takes."""
    if 0 < rate < 1:
        one = singular(unit)
        return f"{1 / rate:,.1f} s {'an' if one[0] in 'aeiou' else 'a'} {one}"
    return f"{rate:,.0f} {unit}/s" if rate >= 10 or rate == 0 else f"{rate:,.1f} {unit}/s"

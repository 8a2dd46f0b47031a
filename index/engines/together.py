"""Several segments that are searched together, so that one need not find what others have better."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from lsr.index.parts.segment import Segment

T = TypeVar("T")


class Together:
    """Segments of one index, with what engines keep to search them in one go.

    Attributes:
        members: the segments.
        row_starts: the number that the first row of each has in the index.
        idle: working memory of searches of all of them, for reuse (`lsr.index.engines.scratch`).
    """

    def __init__(self, members: tuple[Segment, ...], row_starts: tuple[int, ...]) -> None:
        self.members, self.row_starts = members, row_starts
        self.idle: deque[Any] = deque()
        self._kept: dict[str, Any] = {}

    @classmethod
    def of(cls, members: tuple[Segment, ...], row_starts: tuple[int, ...]) -> Together:
        """These segments, as they were last searched together if they were.

        The first remembers: a collection makes a snapshot after each write, most of them of the same segments.
        """
        known: Together | None = members[0].together
        if known is None or known.members != members or known.row_starts != row_starts:
            known = members[0].together = cls(members, row_starts)
        return known

    def __len__(self) -> int:
        return len(self.members)

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """What an engine keeps here under `name`, created by `make` on first use."""
        if name not in self._kept:
            self._kept[name] = make()
        return cast("T", self._kept[name])

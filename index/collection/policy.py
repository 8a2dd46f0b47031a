"""When memory becomes a segment, and which segments become one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from lsr.core.errors import InputError
from lsr.core.options import check_options


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePolicy:
    """How a collection turns writes into segments.

    Attributes:
        memory_documents: rows in memory, from which on it becomes a segment.
        memory_bytes: the same in bytes.
        together: so many segments of like size become one. Fewer make searches faster, and writes more work.
        most_deleted: the share of deleted rows from which on a segment is written again without them.
        merge_rate: megabytes a second that a merge reads at most; None for no such limit.
    """

    memory_documents: int = 10_000
    memory_bytes: int = 1 << 26
    together: int = 4
    most_deleted: float = 1 / 3
    merge_rate: float | None = None

    def __post_init__(self) -> None:
        check_options(self)
        for name, least in (("memory_documents", 1), ("memory_bytes", 1), ("together", 2)):
            if getattr(self, name) < least:
                raise InputError(f"must be at least {least}, not {getattr(self, name)}", field=name)
        if not 0 < self.most_deleted <= 1:
            raise InputError(f"must lie in (0, 1], not {self.most_deleted}", field="most_deleted")
        if self.merge_rate is not None and not self.merge_rate > 0:
            raise InputError(f"must be above 0, not {self.merge_rate}", field="merge_rate")

    def is_full(self, documents: int, bytes: int) -> bool:
        """Whether a memory of so many rows and bytes is to become a segment."""
        return documents >= self.memory_documents or bytes >= self.memory_bytes

    def to_merge(self, sizes: Sequence[tuple[int, int]], kinds: Sequence[Hashable]) -> list[int]:
        """Which segments are to become one, by number; none if all is well.

        `sizes`: rows of each, and how many of these are deleted; only those of one of `kinds` are put together.
        Segments of like size are those whose numbers of rows that live have the same number of digits to the base
        `together`, so that each document is written again a logarithmic number of times (O'Neil et al., The
        log-structured merge-tree, 1996).
        """
        levels: dict[tuple[int, Hashable], list[int]] = {}
        for number, (rows, deleted) in enumerate(sizes):
            level, left = 0, (rows - deleted) // self.memory_documents
            while left >= self.together:
                level, left = level + 1, left // self.together
            levels.setdefault((level, kinds[number]), []).append(number)
        for _, numbers in sorted(levels.items(), key=lambda each: each[0][0]):
            if len(numbers) >= self.together:
                return numbers
        for number, (rows, deleted) in enumerate(sizes):
            if deleted > self.most_deleted * rows:
                return [number]
        return []

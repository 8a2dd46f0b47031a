"""Searching all segments of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial

import numpy as np

from lsr.core.types import Scores
from lsr.index.engines.choose import Choice, engine_for
from lsr.index.engines.hits import Found, joined
from lsr.index.engines.one_by_one import one_by_one
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.together import Together
from lsr.index.filters.allowed import AllowedRows
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.searched_memory import Searched, SearchedMemory


class SegmentsSearch:
    """Search of segments as if they were one.

    Those of files are searched together, but for those where a filter allows so few rows that these are scored
    directly; memory comes last, and looks for what is as good as the last of the best so far.
    """

    def __init__(self, segments: Sequence[Searched], row_starts: Sequence[int]) -> None:
        """`row_starts`: the number of the first row of each segment, and of all rows."""
        self._row_starts = row_starts
        self._files = {number: each for number, each in enumerate(segments) if isinstance(each, SearchedSegment)}
        self._memories = {number: each for number, each in enumerate(segments) if isinstance(each, SearchedMemory)}
        self._known: dict[tuple[int, ...], Together] = {}

    def search(self, queries: Sequence[PreparedQueries], k: int, choice: Choice, allowed: AllowedRows) -> list[Found]:
        """The k best of all for each query (`queries`: as each segment takes them): see `Engine.search_together`."""
        found: list[list[Found]] = []
        rows = self._alive if not allowed.filtered else self._among(allowed)
        for (engine, parameters), numbers in self._groups(choice, rows, filtered=allowed.filtered).items():
            own_queries, own_rows = [queries[number] for number in numbers], [rows[number] for number in numbers]
            together = self._together(numbers)
            if len(numbers) > 1:
                found.append(engine.search_together(together, own_queries, k, own_rows, parameters))
            else:  # quicker than by what searches several
                alone = partial(engine.search, parameters=parameters)
                found.append(one_by_one(together, own_queries, k, own_rows, alone))
        if self._memories:
            least = [_reached([scores for _, scores, _ in of_query], k) for of_query in zip(*found, strict=True)]
            for number, memory in self._memories.items():
                start = self._row_starts[number]
                own = allowed.part(start, len(memory))
                in_memory = memory.search(queries[number], k, choice, own, least or None)
                found.append([(rows_there + start, scores, stats) for rows_there, scores, stats in in_memory])
        return [joined(of_query) for of_query in zip(*found, strict=True)]

    @cached_property
    def _alive(self) -> dict[int, AllowedRows]:
        """All rows of each segment of files that are not deleted."""
        return self._among(AllowedRows(self._row_starts[-1]))

    def _among(self, allowed: AllowedRows) -> dict[int, AllowedRows]:
        return {
            number: allowed.part(self._row_starts[number], len(each)).among(each.alive)
            for number, each in self._files.items()
        }

    def _groups(
        self, choice: Choice, rows: Mapping[int, AllowedRows], *, filtered: bool
    ) -> dict[Choice, tuple[int, ...]]:
        """The segments that are searched together, by how."""
        if not filtered:
            return {choice: tuple(rows)} if rows else {}
        groups: dict[Choice, tuple[int, ...]] = {}
        for number, own in rows.items():
            chosen = engine_for(choice, own)
            groups[chosen] = (*groups.get(chosen, ()), number)
        return groups

    def _together(self, numbers: tuple[int, ...]) -> Together:
        known = self._known.get(numbers)
        if known is None:
            segments = tuple(self._files[number].segment for number in numbers)
            known = Together.of(segments, tuple(self._row_starts[number] for number in numbers))
            self._known[numbers] = known
        return known


def _reached(scores: Sequence[Scores], k: int) -> float:
    """The score of the last of the k best so far, 0 if there are not so many."""
    together = scores[0] if len(scores) == 1 else np.concatenate(scores)
    if len(together) < k:
        return 0.0
    return float(together.min() if len(together) == k else np.partition(together, -k)[-k])

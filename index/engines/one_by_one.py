"""Search of several segments, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lsr.index.engines.hits import Found, joined
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.scratch import BorrowedScratch
from lsr.index.engines.together import Together
from lsr.index.filters.allowed import AllowedRows


def one_by_one(
    together: Together,
    queries: Sequence[PreparedQueries],
    k: int,
    allowed: Sequence[AllowedRows],
    search: Callable[..., list[Found]],
) -> list[Found]:
    """Search each segment by itself: see `Engine.search_together`; search: as `Engine.search`, without parameters."""
    found = []
    for segment, start, own, rows in zip(together.members, together.row_starts, queries, allowed, strict=True):
        with BorrowedScratch(segment) as scratch:
            of_segment = search(segment, own, min(k, len(segment)), rows, scratch)
        found.append([(rows + start, scores, stats) for rows, scores, stats in of_segment])
    return [joined(of_query) for of_query in zip(*found, strict=True)]

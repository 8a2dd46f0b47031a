"""The engine that scores just the rows that are allowed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from lsr.index.engines.direct.parameters import DirectParameters
from lsr.index.engines.engine import Engine

if TYPE_CHECKING:
    from lsr.index.engines.hits import Found
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.engines.scratch import Scratch
    from lsr.index.filters.allowed import AllowedRows
    from lsr.index.parts.segment import Segment


class Direct(Engine[DirectParameters]):
    """Scores only the rows that are allowed: exact, and fast if they are few."""

    name = "direct"
    title = "scores just the documents that a filter allows"
    Parameters = DirectParameters
    by_name = False
    reads_all = True

    def is_exact(self, parameters: DirectParameters) -> bool:
        """Always true."""
        return True

    def search(
        self,
        segment: Segment,
        queries: PreparedQueries,
        k: int,
        allowed: AllowedRows,
        scratch: Scratch,
        parameters: DirectParameters,
    ) -> list[Found]:
        """See `Engine.search`."""
        rows = allowed.numbers()
        search = self._search
        return [search(segment, query, k, rows, scratch, parameters) for query in queries]

    @cached_property
    def _search(self) -> Callable[..., Found]:
        from lsr.index.engines.direct.search import search

        return search

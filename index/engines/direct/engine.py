"""The engine that scores just the rows that are allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsr.index.engines.direct.parameters import DirectParameters
from lsr.index.engines.engine import Engine

if TYPE_CHECKING:
    from lsr.index.engines.allowed import AllowedRows
    from lsr.index.engines.hits import Found
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.engines.scratch import Scratch
    from lsr.index.parts.segment import Segment


class Direct(Engine[DirectParameters]):
    """Scores the rows that are allowed and no others: exact, and quick where these are few."""

    name = "direct"
    title = "scores just the documents that a filter allows"
    Parameters = DirectParameters
    by_name = False
    reads_all = True

    def is_exact(self, parameters: DirectParameters) -> bool:
        """Always."""
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
        from lsr.index.engines.direct.search import search

        return [search(segment, query, k, allowed, scratch, parameters) for query in queries]

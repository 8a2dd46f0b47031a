"""The engine of Seismic."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from lsr.index.engines.engine import Engine
from lsr.index.engines.seismic.parameters import SeismicParameters

if TYPE_CHECKING:
    from lsr.index.engines.hits import Found
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.engines.scratch import Scratch
    from lsr.index.filters.allowed import AllowedRows
    from lsr.index.parts.segment import Segment


class Seismic(Engine[SeismicParameters]):
    """Scores the documents of the blocks that their summaries do not rule out."""

    name = "seismic"
    title = "Seismic's approximate search, in an index built for it"
    needs = ("seismic",)
    Parameters = SeismicParameters

    def is_exact(self, parameters: SeismicParameters) -> bool:
        """Always false: whether a search is exact depends on how the blocks were built."""
        return False

    def search(
        self,
        segment: Segment,
        queries: PreparedQueries,
        k: int,
        allowed: AllowedRows,
        scratch: Scratch,
        parameters: SeismicParameters,
    ) -> list[Found]:
        """See `Engine.search`."""
        search = self._search
        return [search(segment, query, k, allowed, scratch, parameters) for query in queries]

    @cached_property
    def _search(self) -> Callable[..., Found]:
        from lsr.index.engines.seismic.search import search

        return search

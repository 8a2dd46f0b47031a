"""The engines that search by the bounds of blocks: exact, and approximate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from lsr.index.engines.blocks.parameters import ApproximateParameters
from lsr.index.engines.engine import Engine, NoParameters

if TYPE_CHECKING:
    from lsr.index.engines.hits import Found
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.engines.scratch import Scratch
    from lsr.index.filters.allowed import AllowedRows
    from lsr.index.parts.segment import Segment


class Exact(Engine[NoParameters]):
    """Visits blocks best bound first, until no block can hold one of the best."""

    name = "exact"
    title = "finds the true best, skipping blocks of documents that cannot hold one"
    needs = ("summaries",)
    gives_way = True
    Parameters = NoParameters

    def is_exact(self, parameters: NoParameters) -> bool:
        """Always true."""
        return True

    def search(
        self,
        segment: Segment,
        queries: PreparedQueries,
        k: int,
        allowed: AllowedRows,
        scratch: Scratch,
        parameters: NoParameters,
    ) -> list[Found]:
        """See `Engine.search`."""
        return self._search(segment, queries, k, allowed, scratch)

    @cached_property
    def _search(self) -> Callable[..., list[Found]]:
        from lsr.index.engines.blocks.search import search_exact

        return search_exact


class Approximate(Engine[ApproximateParameters]):
    """Visits blocks best bound first, until the next ones promise too little."""

    name = "approximate"
    title = "skips more blocks than exact search, and may miss some of the best"
    needs = ("summaries",)
    gives_way = True
    Parameters = ApproximateParameters

    def is_exact(self, parameters: ApproximateParameters) -> bool:
        """Never, as the number of blocks visited is limited."""
        return False

    def search(
        self,
        segment: Segment,
        queries: PreparedQueries,
        k: int,
        allowed: AllowedRows,
        scratch: Scratch,
        parameters: ApproximateParameters,
    ) -> list[Found]:
        """See `Engine.search`."""
        return self._search(segment, queries, k, allowed, scratch, parameters)

    @cached_property
    def _search(self) -> Callable[..., list[Found]]:
        from lsr.index.engines.blocks.search import search_approximate

        return search_approximate

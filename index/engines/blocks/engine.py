"""The engines that search by the bounds of blocks: exact, and approximate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lsr.index.engines.blocks.parameters import ApproximateParameters
from lsr.index.engines.engine import Engine, NoParameters

if TYPE_CHECKING:
    from lsr.index.engines.hits import Found
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.engines.scratch import Scratch
    from lsr.index.engines.together import Together
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

    def search_together(
        self,
        together: Together,
        queries: Sequence[PreparedQueries],
        k: int,
        allowed: Sequence[AllowedRows],
        parameters: NoParameters,
    ) -> list[list[Found]]:
        """See `Engine.search_together`."""
        from lsr.index.engines.blocks.search import EXACT
        from lsr.index.engines.blocks.together import search_blocks_together

        return search_blocks_together(together, queries, k, allowed, EXACT)

    @cached_property
    def _search(self) -> Callable[..., list[Found]]:
        from lsr.index.engines.blocks.search import EXACT, search_blocks_of

        return partial(search_blocks_of, limits=EXACT)


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

    def search_together(
        self,
        together: Together,
        queries: Sequence[PreparedQueries],
        k: int,
        allowed: Sequence[AllowedRows],
        parameters: ApproximateParameters,
    ) -> list[list[Found]]:
        """See `Engine.search_together`."""
        from lsr.index.engines.blocks.search import limits_of
        from lsr.index.engines.blocks.together import search_blocks_together

        return search_blocks_together(together, queries, k, allowed, limits_of(parameters))

    @cached_property
    def _search(self) -> Callable[..., list[Found]]:
        from lsr.index.engines.blocks.search import search_approximate

        return search_approximate

"""The engines that search by the bounds of blocks: exact, and approximate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lsr.index.engines.blocks.limits import EXACT, limits_of
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
        return _searches()[0](segment, queries, k, allowed, scratch, EXACT)

    def search_together(
        self,
        together: Together,
        queries: Sequence[PreparedQueries],
        k: int,
        allowed: Sequence[AllowedRows],
        parameters: NoParameters,
    ) -> list[Found]:
        """See `Engine.search_together`."""
        return _searches()[1](together, queries, k, allowed, EXACT)


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
        limits = limits_of(parameters, words=segment.record.words > 0)
        return _searches()[0](segment, queries, k, allowed, scratch, limits)

    def search_together(
        self,
        together: Together,
        queries: Sequence[PreparedQueries],
        k: int,
        allowed: Sequence[AllowedRows],
        parameters: ApproximateParameters,
    ) -> list[Found]:
        """See `Engine.search_together`."""
        limits = limits_of(parameters, words=any(each.record.words for each in together.members))
        return _searches()[1](together, queries, k, allowed, limits)


@cache
def _searches() -> tuple[Callable[..., list[Found]], Callable[..., list[Found]]]:
    """Search of one segment, and of several; only now are the kernels loaded."""
    from lsr.index.engines.blocks.search import search_blocks_of
    from lsr.index.engines.blocks.together.search import search_blocks_together

    return search_blocks_of, search_blocks_together

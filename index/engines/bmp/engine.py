"""The engine of Block-Max Pruning."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from lsr.index.engines.bmp.parameters import BmpParameters
from lsr.index.engines.engine import Engine

if TYPE_CHECKING:
    from lsr.index.engines.hits import Found
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.engines.scratch import Scratch
    from lsr.index.filters.allowed import AllowedRows
    from lsr.index.parts.segment import Segment


class Bmp(Engine[BmpParameters]):
    """Visits the blocks of Block-Max Pruning by descending bound, until the next one promises too little."""

    name = "bmp"
    title = "Block-Max Pruning, in an index built for it: exact unless its parameters say otherwise"
    needs = ("bmp",)
    Parameters = BmpParameters

    def is_exact(self, parameters: BmpParameters) -> bool:
        """True with the default parameters."""
        return parameters.alpha == 1 and parameters.beta == 1

    def search(
        self,
        segment: Segment,
        queries: PreparedQueries,
        k: int,
        allowed: AllowedRows,
        scratch: Scratch,
        parameters: BmpParameters,
    ) -> list[Found]:
        """See `Engine.search`."""
        search = self._search
        return [search(segment, query, k, allowed, scratch, parameters) for query in queries]

    @cached_property
    def _search(self) -> Callable[..., Found]:
        from lsr.index.engines.bmp.search import search

        return search

"""The engine that scores every document."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from lsr.index.engines.engine import Engine, NoParameters

if TYPE_CHECKING:
    from lsr.index.engines.hits import Found
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.engines.scratch import Scratch
    from lsr.index.filters.allowed import AllowedRows
    from lsr.index.parts.segment import Segment


class Exhaustive(Engine[NoParameters]):
    """Scores every document that is allowed. The oracle of all other engines."""

    name = "exhaustive"
    title = "scores every document, slowly, to the same result as exact search"
    Parameters = NoParameters
    reads_all = True

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
        search = self._search
        return [search(segment, query, k, allowed, scratch) for query in queries]

    @cached_property
    def _search(self) -> Callable[..., Found]:
        from lsr.index.engines.exhaustive.search import search

        return search

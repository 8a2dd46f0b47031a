"""Where the segments of a snapshot are searched, if not in this process."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lsr.index.engines.choose import Choice
from lsr.index.engines.hits import Found, joined
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.filters.allowed import AllowedRows
from lsr.index.parts.dense.vectors import DenseHits


class Elsewhere(Protocol):
    """Searches segments by their numbers in the snapshot; what it gives is by rows of each segment.

    One that was not searched, as the caller agreed to, gives nothing.
    """

    def sparse(
        self, queries: Sequence[PreparedQueries], k: int, choice: Choice, allowed: Sequence[AllowedRows]
    ) -> list[list[Found]]:
        """For each segment the best rows for each query; all arguments are as each segment takes them."""
        ...

    def dense(
        self,
        queries: npt.NDArray[np.float32],
        k: int,
        modes: Sequence[str],
        effort: int | None,
        allowed: Sequence[npt.NDArray[np.uint8] | None],
    ) -> list[list[DenseHits]]:
        """For each segment the nearest rows to each query."""
        ...


class SearchedElsewhere:
    """Search of a snapshot's segments, each where it is: as `lsr.index.live.search.SegmentsSearch`."""

    def __init__(self, elsewhere: Elsewhere, row_starts: Sequence[int]) -> None:
        self._elsewhere, self._row_starts = elsewhere, row_starts

    def search(self, queries: Sequence[PreparedQueries], k: int, choice: Choice, allowed: AllowedRows) -> list[Found]:
        """The k best of each segment for each query, by rows of the snapshot."""
        starts = self._row_starts
        own = [allowed.part(first, last - first) for first, last in pairwise(starts)]
        found: list[list[Any]] = []
        for of_segment, first in zip(self._elsewhere.sparse(queries, k, choice, own), starts, strict=False):
            found.append([(rows + first, scores, stats) for rows, scores, stats in of_segment])
        return [joined(of_query) for of_query in zip(*found, strict=True)]

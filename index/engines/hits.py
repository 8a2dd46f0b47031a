"""What a search returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lsr.core.frames import arrow_table, pandas_frame
from lsr.core.search_stats import SearchStats
from lsr.core.types import Rows, Scores

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


# What an engine returns for a query: rows, scores, what it did.
Found = tuple[Rows, Scores, SearchStats]


def added_up(stats: Sequence[SearchStats]) -> SearchStats:
    """The work of one search in several segments; the engine is that of the first, which is the largest as a rule."""
    (mode, *_), *numbers, direct = zip(*stats, strict=True)
    return SearchStats._make((mode, *map(sum, numbers), all(direct)))


def joined(found: Sequence[Found]) -> Found:
    """What was found for one query in several segments, one after another."""
    if len(found) == 1:
        return found[0]
    rows, scores, stats = zip(*found, strict=True)
    holding = [place for place, each in enumerate(rows) if len(each)]
    if len(holding) == 1:
        return rows[holding[0]], scores[holding[0]], added_up(stats)
    return np.concatenate(rows), np.concatenate(scores), added_up(stats)


class Hits:
    """The best documents of one query, best first; equal scores in the order of their rows.

    Attributes:
        rows: int64 [n], n <= k: row numbers in the index.
        scores: float32 [n]: inner products of the query with the stored (quantised) weights, all positive.
        stats: what the search did.
    """

    __slots__ = ("_ids", "_ids_of", "rows", "scores", "stats")

    def __init__(self, rows: Rows, scores: Scores, stats: SearchStats, ids_of: Callable[[Rows], list[str]]) -> None:
        self.rows = rows
        self.scores = scores
        self.stats = stats
        self._ids_of = ids_of
        self._ids: list[str] | None = None

    @property
    def ids(self) -> list[str]:
        """The documents' ids, read from the index on first use."""
        if self._ids is None:
            self._ids = self._ids_of(self.rows)
        return self._ids

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """(id, score) pairs, best first."""
        return zip(self.ids, self.scores.tolist(), strict=True)

    def to_columns(self) -> dict[str, list[Any]]:
        """By column: rank (from 1), id, score, row."""
        ranks = list(range(1, 1 + len(self)))
        return {"rank": ranks, "id": self.ids, "score": self.scores.tolist(), "row": self.rows.tolist()}

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame of `to_columns`. MissingDependencyError without pandas."""
        return pandas_frame(self.to_columns())

    to_pandas = to_frame

    def to_arrow(self) -> pa.Table:
        """A pyarrow Table of `to_columns`."""
        return arrow_table(self.to_columns())

    def __repr__(self) -> str:
        return f"Hits({list(self)[:3]}{' …' if len(self) > 3 else ''}, mode={self.stats.mode!r})"

"""The two sides of an index, sparse and dense, during a search: their rankings, statistics and times."""

from __future__ import annotations

from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.search_stats import DenseStats
from lsr.core.types import Rows
from lsr.index.engines.hits import SearchStats
from lsr.index.engines.registry import is_always_exact
from lsr.index.filters.allowed import as_bitmap
from lsr.index.fusion.query import DenseQuery, SparseQuery
from lsr.index.fusion.settings import RetrieveSettings
from lsr.index.parts.dense.vectors import Dense

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index
    from lsr.index.live.sparse import SnapshotQueries


class RowRanking(NamedTuple):
    """What one side returned, best first.

    Attributes:
        rows: int64 [n].
        scores: float32 [n]; float64 if they were fused.
        complete: whether all other allowed rows score 0 or, on the dense side, there are no others.
    """

    rows: Rows
    scores: npt.NDArray[np.floating]
    complete: bool


class Sides:
    """An index's sides during one search.

    Attributes:
        stats: of the last search of each side; None for one that was not searched.
        milliseconds: by stage, in the order in which they ran.
    """

    def __init__(
        self, index: Index, retrieve: RetrieveSettings, allow: npt.NDArray[Any] | None, *, exact: bool
    ) -> None:
        """Prepare both sides; `allow` as for `Index.search`, `exact` makes both search exactly."""
        self.index = index
        self.allow = None if allow is None else as_bitmap(allow, len(index))
        self.sparse_stats: SearchStats | None = None
        self.dense_stats: DenseStats | None = None
        self.milliseconds: dict[str, float] = {}
        self._sparse_options, self._dense_options = _options(retrieve, exact)
        self._prepared: tuple[SparseQuery | None, SnapshotQueries | None] = (None, None)

    @cached_property
    def dense(self) -> Dense:
        """The dense vectors. InputError if the index has none."""
        return self.index.parts["dense"]

    def prepare_sparse(self, query: SparseQuery) -> SnapshotQueries:
        """The query in the form that the index takes, prepared once."""
        asked, prepared = self._prepared
        if asked is not query or prepared is None:
            prepared = self.index.sparse.prepare(*query)
            self._prepared = (query, prepared)
        return prepared

    def search_sparse(self, query: SparseQuery, depth: int) -> RowRanking:
        """The best rows for (term ids, weights)."""
        with self.timed("sparse"):
            prepared = self.prepare_sparse(query)
            hits = self.index.sparse.search_prepared(prepared, depth, allow=self.allow, **self._sparse_options)
        self.sparse_stats = hits.stats
        exact = is_always_exact(hits.stats.mode)
        return RowRanking(hits.rows, hits.scores, exact and (len(hits) < depth or depth >= len(self.index)))

    def search_dense(self, query: DenseQuery, depth: int) -> RowRanking:
        """The nearest rows to a vector that `Dense.prepare` returned."""
        with self.timed("dense"):
            (hits,) = self.dense.search_prepared(query[None], depth, allow=self.allow, **self._dense_options)
        self.dense_stats = hits.stats
        complete = len(hits.rows) < depth or depth == len(self.index)
        if len(hits.rows) and not hits.scores.all():
            # A vector of zeros is that of a blank text: it is near to nothing, and nothing is near to it.
            something = hits.scores != 0
            if query.any():
                something[~something] = self.dense.vectors[hits.rows[~something]].any(axis=1)
            return RowRanking(hits.rows[something], hits.scores[something], complete)
        return RowRanking(hits.rows, hits.scores, complete)

    def score_dense(self, query: DenseQuery, rows: Rows) -> RowRanking:
        """The dense ranking of the rows that sparse search returned."""
        with self.timed("dense"):
            scores = self.dense.scores_prepared(query, rows)
            order = np.lexsort((rows, -scores))
        self.dense_stats = DenseStats("sparse-first", "flat", len(rows), direct=True)
        return RowRanking(rows[order], scores[order], True)

    def timed(self, stage: str) -> _Timer:
        """Adds the time that its block takes to a stage's."""
        return _Timer(self.milliseconds, stage)


def _options(retrieve: RetrieveSettings, exact: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the searches of the sparse and of the dense side are called with."""
    sparse = {} if retrieve.sparse is None else retrieve.sparse.keywords
    dense = {} if retrieve.dense is None else {"mode": retrieve.dense.mode, "effort": retrieve.dense.effort}
    return ({**sparse, "mode": "exact"}, {**dense, "mode": "exact"}) if exact else (sparse, dense)


class _Timer:
    """Adds the time that its block takes to a stage's. A class, for the generator of a context manager is slower."""

    __slots__ = ("_milliseconds", "_stage", "_start")

    def __init__(self, milliseconds: dict[str, float], stage: str) -> None:
        self._milliseconds, self._stage = milliseconds, stage

    def __enter__(self) -> None:
        self._start = perf_counter()

    def __exit__(self, *_: object) -> None:
        taken = (perf_counter() - self._start) * 1e3
        self._milliseconds[self._stage] = self._milliseconds.get(self._stage, 0.0) + taken

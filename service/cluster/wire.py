"""What goes to a shard and comes back: arrays, and a few words about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.search_stats import DenseStats, SearchStats
from lsr.index.engines.choose import Choice
from lsr.index.engines.hits import Found
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.registry import ENGINES
from lsr.index.filters.allowed import AllowedRows
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.snapshot import Index
from lsr.index.parts.dense.vectors import DenseHits


class SparseAsked(NamedTuple):
    """Sparse queries for one shard; `bitmap` of the rows that are allowed, None for all without a filter."""

    indptr: npt.NDArray[np.int64]
    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]
    turns: npt.NDArray[np.int32]
    k: int
    engine: str
    parameters: Any
    bitmap: npt.NDArray[np.uint8] | None

    @classmethod
    def of(cls, queries: PreparedQueries, k: int, choice: Choice, allowed: AllowedRows) -> SparseAsked:
        """From what a segment is searched by."""
        bitmap = allowed.bitmap if allowed.filtered else None
        parts = queries.indptr, queries.terms, queries.weights, queries.turns
        return cls(*parts, k, choice.engine.name, choice.parameters, bitmap)

    def search(self, index: Index) -> Answer:
        """The answer of a shard."""
        queries = PreparedQueries(self.indptr, self.terms, self.weights, self.turns)
        segment = SearchedSegment(index.sparse.whole_segment(), None)
        rows = len(segment)
        allowed = AllowedRows(rows) if self.bitmap is None else AllowedRows(rows, self.bitmap, filtered=True)
        choice = Choice(ENGINES[self.engine], self.parameters)
        return Answer.of(segment.search(queries, min(self.k, rows), choice, allowed))


class DenseAsked(NamedTuple):
    """Dense queries for one shard, as `Dense.prepare` returned them."""

    queries: npt.NDArray[np.float32]
    k: int
    mode: str
    effort: int | None
    bitmap: npt.NDArray[np.uint8] | None

    def search(self, index: Index) -> Answer:
        """The answer of a shard."""
        dense = index.parts["dense"]
        found = dense.search_prepared(self.queries, self.k, mode=self.mode, effort=self.effort, allow=self.bitmap)
        return Answer.of(found)


class Answer(NamedTuple):
    """What a shard found: rows and scores of all queries, one after another.

    Attributes:
        rows: of the shard, uint32; scores: float32; lengths: how many of them are each query's.
        stats: of each query, as a tuple.
    """

    rows: npt.NDArray[np.uint32]
    scores: npt.NDArray[np.float32]
    lengths: tuple[int, ...]
    stats: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, found: Sequence[Any]) -> Answer:
        """From (rows, scores, stats) of each query."""
        rows = np.concatenate([np.asarray(each[0]) for each in found]).astype(np.uint32)
        scores = np.concatenate([each[1] for each in found]).astype(np.float32)
        return cls(rows, scores, tuple(len(each[0]) for each in found), tuple(tuple(each[2]) for each in found))

    def sparse(self) -> list[Found]:
        """What was found for each sparse query."""
        return [(rows, scores, SearchStats(*stats)) for rows, scores, stats in self._parts()]

    def dense(self) -> list[DenseHits]:
        """What was found for each dense query."""
        return [DenseHits(rows, scores, DenseStats(*stats)) for rows, scores, stats in self._parts()]

    def _parts(self) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], tuple[Any, ...]]]:
        ends = np.cumsum(self.lengths).tolist()
        starts = [0, *ends[:-1]]
        rows = self.rows.astype(np.int64)
        return [
            (rows[first:last], self.scores[first:last], stats)
            for first, last, stats in zip(starts, ends, self.stats, strict=True)
        ]


ShardAsked = SparseAsked | DenseAsked


def nothing(asked: ShardAsked) -> Answer:
    """In the place of the answer of a shard that gave none."""
    if isinstance(asked, SparseAsked):
        count = len(asked.indptr) - 1
        return Answer.of([(np.empty(0, np.int64), np.empty(0, np.float32), SearchStats(asked.engine))] * count)
    stats = DenseStats(asked.mode, "flat", 0)
    return Answer.of([(np.empty(0, np.int64), np.empty(0, np.float32), stats)] * len(asked.queries))

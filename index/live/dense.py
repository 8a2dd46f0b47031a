"""The dense vectors of a snapshot of several segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.arrays import numbers, row_numbers
from lsr.core.search_stats import DenseStats
from lsr.index.filters.allowed import AllowedRows
from lsr.index.live.elsewhere import Elsewhere
from lsr.index.live.rows import RowNumbers
from lsr.index.live.ties import OrderOf, merge
from lsr.index.parts.dense.record import DenseRecord
from lsr.index.parts.dense.vectors import Dense, DenseHits

Vectors = npt.NDArray[np.float32]


class _Rows:
    """Vectors by the rows of a snapshot: `vectors[rows]` copies them."""

    def __init__(self, parts: Sequence[Dense], rows: RowNumbers) -> None:
        self._parts, self._rows = parts, rows

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Vectors:
        found = np.empty((len(rows), self._parts[0].dim), np.float32)
        for segment, places, own in self._rows.split(np.asarray(rows, np.int64)):
            found[places] = self._parts[segment].vectors[own]
        return found


class SnapshotDense:
    """Dense vectors of several segments: as `Dense`, by the rows of a snapshot. Deleted rows are not found.

    Attributes:
        record: what the vectors are: that of every segment, but for the kind of structure.
        vectors: by row.
    """

    def __init__(
        self,
        parts: Sequence[Dense],
        rows: RowNumbers,
        alive: Sequence[npt.NDArray[np.uint8] | None],
        order_of: OrderOf,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._parts, self._rows, self._alive, self._order_of = parts, rows, alive, order_of
        self.record: DenseRecord = parts[0].record
        self.vectors = _Rows(parts, rows)

    def __repr__(self) -> str:
        return f"SnapshotDense({len(self):,} vectors of {self.dim} in {len(self._parts)} segments)"

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.record.dim

    @property
    def kind(self) -> str:
        """ "flat" if that is what every segment has; else the kind of faiss structure of one that has another."""
        return next((part.kind for part in self._parts if part.kind != "flat"), "flat")

    def choose_mode(self, *, filtered: bool) -> str:
        """The mode that "auto" stands for: see `Dense.choose_mode`."""
        return "exact" if self.kind == "flat" or filtered else "approximate"

    def prepare(self, queries: npt.ArrayLike) -> Vectors:
        """Put queries into search form: see `Dense.prepare`."""
        return self._parts[0].prepare(queries)

    def search(self, query: npt.ArrayLike, k: int = 10, **options: Any) -> DenseHits:
        """The k documents whose vectors have the largest inner product with the query: see `Dense.search`."""
        return self.search_prepared(self.prepare(numbers(query, "a query vector")[None]), k, **options)[0]

    def search_batch(self, queries: npt.ArrayLike, k: int = 10, **options: Any) -> list[DenseHits]:
        """As `search`, for [queries, dim]."""
        return self.search_prepared(self.prepare(queries), k, **options)

    def search_prepared(
        self,
        prepared: Vectors,
        k: int = 10,
        *,
        mode: str = "auto",
        effort: int | None = None,
        allow: npt.NDArray[np.uint8] | None = None,
    ) -> list[DenseHits]:
        """As `Dense.search_prepared`."""
        allowed = AllowedRows.of(allow, len(self))
        modes, bitmaps = [], []
        for part, alive, first in zip(self._parts, self._alive, self._rows.starts, strict=False):
            own = allowed.part(first, len(part)).among(alive)
            bitmaps.append(own.bitmap if own.bitmap.size else None)
            modes.append(part.choose_mode(filtered=allowed.filtered) if mode == "auto" else mode)
        if self._elsewhere is not None:
            by_segment = self._elsewhere.dense(prepared, k, modes, effort, bitmaps)
        else:
            by_segment = [
                part.search_prepared(prepared, k, mode=chosen, effort=effort, allow=bitmap)
                for part, chosen, bitmap in zip(self._parts, modes, bitmaps, strict=True)
            ]
        return [self._merged(each, k) for each in zip(*by_segment, strict=True)]

    def scores(self, query: npt.ArrayLike, rows: npt.NDArray[np.int64]) -> Vectors:
        """Inner products of the query with the vectors of these rows: float32 [n]."""
        return self.scores_prepared(self.prepare(numbers(query, "a query vector")[None])[0], row_numbers(rows))

    def scores_prepared(self, query: Vectors, rows: npt.NDArray[np.int64]) -> Vectors:
        """As `scores`, for a row of what `prepare` returned."""
        scores = np.empty(len(rows), np.float32)
        for segment, places, own in self._rows.split(rows):
            scores[places] = self._parts[segment].scores_prepared(query, own)
        return scores

    def _merged(self, found: Sequence[DenseHits], k: int) -> DenseHits:
        starts = self._rows.starts
        rankings = [(hits.rows + first, hits.scores) for hits, first in zip(found, starts, strict=False)]
        best = merge(rankings, k, self._order_of)
        rows = np.concatenate([rows for rows, _ in rankings])[best]
        scores = np.concatenate([scores for _, scores in rankings])[best]
        went = max((hits.stats for hits in found), key=lambda stats: stats.scored)
        stats = DenseStats(went.mode, went.kind, sum(hits.stats.scored for hits in found), went.direct)
        return DenseHits(rows, scores, stats)

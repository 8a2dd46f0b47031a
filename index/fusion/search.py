"""Searching with sparse and dense vectors: retrieve, learn from what was found, fuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.types import Rows, Scores
from lsr.index.engines.hits import SearchStats
from lsr.index.fusion.feedback import dense_feedback, sparse_feedback
from lsr.index.fusion.methods import Fused, Normaliser, fuse, normaliser
from lsr.index.fusion.settings import DENSE_WEIGHTS, HybridSettings
from lsr.index.fusion.tuning import query_features
from lsr.index.parts.dense.part import DenseStats

if TYPE_CHECKING:
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.live.snapshot import Index

SparseQuery = tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]

# How much deeper an exact search looks when documents that it has not seen could be among the best.
_DEEPER = 4


@dataclass(frozen=True, slots=True)
class HybridQuery:
    """A query as both sides take it: (term ids, weights) and float32 [dim]; None for a side that is not searched."""

    sparse: SparseQuery | None = None
    dense: npt.NDArray[np.float32] | None = None


class Ranking(NamedTuple):
    """What one side returned, best first; `complete` if every other document that may be returned scores 0 there, or,
    on the dense side, if there is none."""

    rows: Rows
    scores: Scores
    complete: bool


class SideScores(NamedTuple):
    """What one side gave each hit.

    Attributes:
        scores: float32 [n]; NaN where the side did not return the document and scores were not completed.
        ranks: int64 [n]: from 1; 0 where the side did not return it.
        contributions: float64 [n]: the share of the hit's score.
    """

    scores: Scores
    ranks: Rows
    contributions: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HybridHits:
    """The best documents, best first, ties in row order.

    Attributes:
        rows: int64 [n]; scores: float64 [n].
        sparse, dense: what each side gave; None for a side that was not searched.
        dense_weight: that was fused with; None if nothing was fused.
        query: that was searched with last, dense vectors as `Dense.prepare` returns them: another than was asked if
            there was feedback.
        sparse_stats, dense_stats: of the last search of each side.
        milliseconds: by stage, in the order in which they ran.
    """

    rows: Rows
    scores: npt.NDArray[np.float64]
    sparse: SideScores | None
    dense: SideScores | None
    dense_weight: float | None
    query: HybridQuery
    sparse_stats: SearchStats | None
    dense_stats: DenseStats | None
    milliseconds: dict[str, float]


def search_hybrid(
    index: Index,
    query: HybridQuery,
    k: int = 10,
    settings: HybridSettings | None = None,
    *,
    allow: npt.NDArray[Any] | None = None,
) -> HybridHits:
    """The k best documents for a query on both sides.

    `allow` as for `Index.search`: each side returns the best of the allowed ones. InputError for settings or a query
    that do not fit the index, or a side whose query is missing.
    """
    if k < 1:
        raise InputError(f"k must be at least 1, not {k}")
    return _Search(index, settings or HybridSettings(), k, allow).run(query)


def search_union(index: Index, query: HybridQuery, settings: HybridSettings) -> HybridHits:
    """As `search_hybrid`, but all documents that either side returned, at the depth of the fusion: to tune it."""
    return _Search(index, settings, None, None).run(query)


@dataclass
class _Search:
    index: Index
    settings: HybridSettings
    k: int | None
    allow: npt.NDArray[Any] | None
    milliseconds: dict[str, float] = field(default_factory=dict)
    exact: bool = False
    dense_weight: float = 0.5
    sparse_stats: SearchStats | None = None
    dense_stats: DenseStats | None = None
    _prepared: tuple[SparseQuery, PreparedQueries] | None = None

    def __post_init__(self) -> None:
        if self.allow is not None:
            self.allow = self.index.bitmap(self.allow)
        fusion = self.settings.fusion
        self.depth = min(max(fusion.depth, self.k or 0), len(self.index))
        self.exact = fusion.completion == "exact" and self.settings.vectors == "hybrid"
        exactly = {"mode": "exact"} if self.exact else {}
        self.options = {"sparse": {**self.settings.sparse, **exactly}, "dense": {**self.settings.dense, **exactly}}

    def run(self, query: HybridQuery) -> HybridHits:
        for needed, side, name in (
            (self.settings.needs_sparse, query.sparse, "sparse"),
            (self.settings.needs_dense, query.dense, "dense"),
        ):
            if needed and side is None:
                raise InputError(f"a {self.settings.vectors} search needs a {name} query")
        if self.settings.needs_dense:
            assert query.dense is not None
            query = HybridQuery(query.sparse, self.index.dense.prepare(query.dense)[0])
        found = self._retrieve(query)
        feedback = self.settings.feedback
        if feedback is not None:
            query = self._learn(query, found)
            only = feedback.vectors if feedback.interpolate == "before" else None
            found = self._retrieve(query, again=feedback.vectors, before=found)
            if only is not None:
                return self._one_side(query, only, found)
        if self.settings.vectors in ("sparse", "dense"):
            return self._one_side(query, self.settings.vectors, found)
        return self._fuse(query, found, self.k)

    # -- retrieving --------------------------------------------------------------------------------------------------

    def _retrieve(
        self, query: HybridQuery, again: str | None = None, before: dict[str, Ranking] | None = None
    ) -> dict[str, Ranking]:
        """What each side returns; after feedback, `again` says for which the query is another than `before`."""
        found = dict(before or {})
        if self.settings.needs_sparse and again != "dense":
            found["sparse"] = self._search_sparse(query, self.depth)
        if self.settings.vectors == "sparse-first":
            found["dense"] = self._score_dense(query, found["sparse"].rows)
        elif self.settings.needs_dense and again != "sparse":
            found["dense"] = self._search_dense(query, self.depth)
        return found

    def _prepared_sparse(self, query: HybridQuery) -> PreparedQueries:
        """The sparse query as the index takes it, made once."""
        assert query.sparse is not None
        of, prepared = self._prepared or (None, None)
        if of is not query.sparse or prepared is None:
            prepared = self.index.prepare(*query.sparse)
            self._prepared = (query.sparse, prepared)
        return prepared

    def _search_sparse(self, query: HybridQuery, depth: int) -> Ranking:
        with self._timed("sparse"):
            hits = self.index.search_prepared(
                self._prepared_sparse(query), depth, allow=self.allow, **self.options["sparse"]
            )
        self.sparse_stats = hits.stats
        exact = hits.stats.mode in ("exact", "exhaustive")
        return Ranking(hits.rows, hits.scores, exact and (len(hits) < depth or depth == len(self.index)))

    def _search_dense(self, query: HybridQuery, depth: int) -> Ranking:
        assert query.dense is not None
        with self._timed("dense"):
            (hits,) = self.index.dense.search_prepared(
                query.dense[None], depth, allow=self.allow, **self.options["dense"]
            )
        self.dense_stats = hits.stats
        return Ranking(hits.rows, hits.scores, len(hits.rows) < depth or depth == len(self.index))

    def _score_dense(self, query: HybridQuery, rows: Rows) -> Ranking:
        """Sparse first: the dense ranking of what sparse search returned."""
        assert query.dense is not None
        with self._timed("dense"):
            scores = self.index.dense.scores_prepared(query.dense, rows)
            order = np.lexsort((rows, -scores))
        self.dense_stats = DenseStats("sparse-first", "flat", len(rows), direct=True)
        return Ranking(rows[order], scores[order], True)

    # -- feedback ----------------------------------------------------------------------------------------------------

    def _learn(self, query: HybridQuery, found: dict[str, Ranking]) -> HybridQuery:
        """The query of the second search."""
        settings = self.settings.feedback
        assert settings is not None
        fuses = self.settings.vectors in ("hybrid", "sparse-first") and settings.interpolate != "after"
        fused = self._fuse(query, found, None if self.k is None else max(self.k, settings.documents)) if fuses else None
        with self._timed("feedback"):
            sparse, dense = query.sparse, query.dense
            if settings.vectors in ("sparse", "hybrid"):
                assert sparse is not None
                rows, scores = self._feedback_documents(fused, found["sparse"], settings.documents)
                if len(rows):
                    vectors = [self.index.vector(int(row)) for row in rows]
                    sparse = sparse_feedback(
                        settings.method, sparse, vectors, scores, settings.query_weight, settings.terms
                    )
            if settings.vectors in ("dense", "hybrid"):
                assert dense is not None
                rows, scores = self._feedback_documents(fused, found["dense"], settings.documents)
                if len(rows):
                    dense = dense_feedback(
                        settings.method, dense, self.index.dense.vectors[rows], scores, settings.query_weight
                    )
                    dense = self.index.dense.prepare(dense)[0]
            return HybridQuery(sparse, dense)

    @staticmethod
    def _feedback_documents(fused: HybridHits | None, own: Ranking, count: int) -> tuple[Rows, npt.NDArray[Any]]:
        best = own if fused is None else fused
        return best.rows[:count], best.scores[:count]

    # -- fusing ------------------------------------------------------------------------------------------------------

    def _one_side(self, query: HybridQuery, side: str, found: dict[str, Ranking]) -> HybridHits:
        rows, scores = found[side].rows[: self.k], found[side].scores[: self.k]
        given = SideScores(scores, np.arange(1, len(rows) + 1), scores.astype(np.float64))
        return HybridHits(
            rows,
            scores.astype(np.float64),
            given if side == "sparse" else None,
            given if side == "dense" else None,
            None,
            query,
            self.sparse_stats,
            self.dense_stats,
            self.milliseconds,
        )

    def _fuse(self, query: HybridQuery, found: dict[str, Ranking], k: int | None) -> HybridHits:
        """The k best of both rankings, or all for None."""
        self._choose_weight(query, found["sparse"], found["dense"])
        if self.settings.fusion.method == "rrf":
            with self._timed("fuse"):
                return self._hits(query, self._fuse_ranks(found["sparse"], found["dense"], k))
        # Fixed by the first `depth` hits of each side, however many are asked for, or searched for later.
        fusion = self.settings.fusion
        with self._timed("fuse"):
            least = -1.0 if self.index.dense.record.similarity == "cosine" else None
            maps = (
                normaliser(fusion.method, found["sparse"].scores[: fusion.depth], 0.0),
                normaliser(fusion.method, found["dense"].scores[: fusion.depth], least),
            )
        depth = self.depth
        while True:
            with self._timed("fuse"):
                fused = self._fuse_scores(query, found["sparse"], found["dense"], maps, k)
                if not self.exact or self._is_final(fused, found["sparse"], found["dense"], maps, k):
                    return self._hits(query, fused)
            depth = min(_DEEPER * depth, len(self.index))
            found = {"sparse": self._search_sparse(query, depth), "dense": self._search_dense(query, depth)}

    def _choose_weight(self, query: HybridQuery, sparse: Ranking, dense: Ranking) -> None:
        """What was asked for, or what `lsr tune --qrels` found for this method, or the method's own."""
        fusion, tuning = self.settings.fusion, self.index.fusion_tuning
        self.dense_weight = DENSE_WEIGHTS[fusion.method]
        if fusion.dense_weight is not None:
            self.dense_weight = fusion.dense_weight
        elif tuning is not None and tuning.method == fusion.method:
            assert query.sparse is not None
            features = query_features(len(query.sparse[0]), sparse[:2], dense[:2])
            self.dense_weight = tuning.weight(features)

    @property
    def _shares(self) -> tuple[float, float]:
        return 1 - self.dense_weight, self.dense_weight

    def _fuse_ranks(self, sparse: Ranking, dense: Ranking, k: int | None) -> Fused:
        # Twice the weights: even ones give the published sum of 1 / (k + rank).
        left, right = self._shares
        constant = self.settings.fusion.rank_constant
        return fuse(self.index, sparse[:2], dense[:2], (2 * left, 2 * right), k, rank_constant=constant)

    def _fuse_scores(
        self, query: HybridQuery, sparse: Ranking, dense: Ranking, maps: tuple[Normaliser, Normaliser], k: int | None
    ) -> Fused:
        completes = self.settings.fusion.completion != "none"
        # What stands for a score that is not known, which is not above it. A sparse search that ended early has found
        # every document that shares a term.
        absent = (
            0.0 if not len(sparse.rows) or (completes and sparse.complete) else float(sparse.scores[-1]),
            float(dense.scores[-1]) if len(dense.rows) else 0.0,
        )
        complete = None
        if completes:
            assert query.dense is not None
            complete = (None if sparse.complete else self._prepared_sparse(query), query.dense)
        return fuse(self.index, sparse[:2], dense[:2], self._shares, k, maps=maps, absent=absent, complete=complete)

    def _is_final(
        self, fused: Fused, sparse: Ranking, dense: Ranking, maps: tuple[Normaliser, Normaliser], k: int | None
    ) -> bool:
        """Whether no document that neither side returned can be among the best (Fagin's threshold, PODS 2001)."""
        if dense.complete:
            return True
        if k is None or len(fused.rows) < k:
            return False
        bound = (1 - self.dense_weight) * float(maps[0](0.0 if sparse.complete else sparse.scores[-1]))
        bound += self.dense_weight * float(maps[1](dense.scores[-1]))
        return bool(fused.scores[-1] > bound)

    def _hits(self, query: HybridQuery, fused: Fused) -> HybridHits:
        sparse, dense = (
            SideScores(fused.side_scores[side], fused.ranks[side], fused.contributions[side]) for side in (0, 1)
        )
        return HybridHits(
            fused.rows,
            fused.scores,
            sparse,
            dense,
            self.dense_weight,
            query,
            self.sparse_stats,
            self.dense_stats,
            self.milliseconds,
        )

    def _timed(self, stage: str) -> _Timer:
        return _Timer(self.milliseconds, stage)


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

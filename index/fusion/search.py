"""Searching with sparse and dense vectors: retrieve, learn from what was found, fuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import count
from lsr.core.errors import InputError
from lsr.core.search_stats import DenseStats
from lsr.core.types import CombinedScores, Rows, Scores
from lsr.index.engines.hits import SearchStats
from lsr.index.fusion.feedback import dense_feedback, sparse_feedback
from lsr.index.fusion.fuse import Fused, fuse
from lsr.index.fusion.methods import METHODS, Normaliser, normaliser
from lsr.index.fusion.query import HybridQuery, SparseQuery
from lsr.index.fusion.settings import DENSE, HYBRID, SPARSE, SPARSE_FIRST, FeedbackSettings, RetrievalPlan
from lsr.index.fusion.sides import RowRanking, Sides
from lsr.index.fusion.tuning import query_features, stored_tuning

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index

# How much deeper an exact search looks when documents that it has not seen could be among the best.
_DEEPER = 4
# How much deeper both sides are searched for hits beyond those of a depth.
NEXT_DEPTH = 10


class SideScores(NamedTuple):
    """What one side contributed to each hit.

    Attributes:
        scores: float32 [n]; NaN if the side did not return the document and scores were not completed.
        ranks: int64 [n]: from 1; 0 if the side did not return it.
        contributions: float64 [n]: the share of the hit's score.
    """

    scores: Scores
    ranks: Rows
    contributions: CombinedScores


class HybridHits(NamedTuple):
    """The best rows, best first, ties in row order.

    Attributes:
        rows: int64 [n]; scores: float64 [n].
        sparse, dense: what each side contributed; None for a side that was not searched.
        dense_weight: the weight used in fusion; None if nothing was fused.
        query: the query of the last search, dense vectors as `Dense.prepare` returns them; feedback makes it differ
            from the one asked.
        sparse_stats, dense_stats: of the last search of each side.
        milliseconds: by stage, in the order in which they ran.
    """

    rows: Rows
    scores: CombinedScores
    sparse: SideScores | None
    dense: SideScores | None
    dense_weight: float | None
    query: HybridQuery
    sparse_stats: SearchStats | None
    dense_stats: DenseStats | None
    milliseconds: dict[str, float]


class Found(NamedTuple):
    """What the two sides returned; None for one that was not searched."""

    sparse: RowRanking | None
    dense: RowRanking | None


def search_rows(
    index: Index,
    query: HybridQuery,
    k: int = 10,
    plan: RetrievalPlan | None = None,
    *,
    allow: npt.NDArray[Any] | None = None,
    first: int | None = None,
) -> HybridHits:
    """The k best rows for a query, by the stages of a plan; by default, those of a search of the sparse index.

    `allow` as for `Index.search`: each side returns the best of the allowed ones.

    Fewer hits are always the first of more. So where rankings are fused, the first `depth` hits are fused from the best
    `depth` of each side, however many are asked for; those that follow are fused from the best 10 · `depth`, and so on.
    A hit that comes later never scores above an earlier one: where its fused score would be higher, it is given that
    one's. `first` stands for `depth` in this, but not in what scores are normalised by.

    InputError for a plan or a query that do not fit the index, or a side whose query is missing.
    """
    k = count(k)
    plan = plan or RetrievalPlan()
    return _Search(index, plan, k, allow, first).run(query)


def search_union(index: Index, query: HybridQuery, plan: RetrievalPlan) -> HybridHits:
    """As `search_rows`, but all documents that either side returned, at the plan's depth: to tune the fusion."""
    return _Search(index, plan, None, None, None).run(query)


class _Search:
    """One search: its plan, and the sides that it searches."""

    def __init__(
        self, index: Index, plan: RetrievalPlan, k: int | None, allow: npt.NDArray[Any] | None, first: int | None
    ) -> None:
        """`k` hits, or all that the sides return at the plan's depth for None; `first` as for `search_rows`."""
        self.index, self.plan, self.k = index, plan, k
        self.mode = plan.retrieve.mode
        self.exact = self.mode == HYBRID and plan.fusion is not None and plan.fusion.completion == "exact"
        self.sides = Sides(index, plan.retrieve, allow, exact=self.exact)
        first = plan.retrieve.depth if first is None else first
        # A single search is asked for as many hits as its caller wants, which tunings and mode "auto" go by.
        reach = first if k is None else plan.depth_for(k)
        self.reach = reach if plan.stages == (SPARSE,) else min(reach, max(len(index), 1))
        # What is fused or learned from must not depend on k, or more hits would not begin with the same.
        fixed = not self.exact and (plan.retrieve.fuses or plan.feedback is not None)
        self.depth = min(first, max(len(index), 1)) if fixed else self.reach

    def run(self, query: HybridQuery) -> HybridHits:
        retrieve, feedback = self.plan.retrieve, self.plan.feedback
        if (retrieve.needs_sparse and query.sparse is None) or (retrieve.needs_dense and query.dense is None):
            raise InputError(f"a {self.mode} search needs a {SPARSE if query.sparse is None else DENSE} query")
        if retrieve.needs_dense:
            assert query.dense is not None
            query = HybridQuery(query.sparse, self.sides.dense.prepare(query.dense)[0])
        found = self._retrieve(query, self.depth)
        if feedback is not None:
            query = self._learn(query, found, feedback)
            alone = feedback.vectors if feedback.interpolate == "before" else None
            fuses = retrieve.fuses and alone is None
            found = self._retrieve(query, self.depth if fuses else self.reach, again=feedback.vectors, before=found)
            if alone is not None:
                return self._one_side(query, alone, found)
        return self._fuse_deeper(query, found) if retrieve.fuses else self._one_side(query, self.mode, found)

    def _retrieve(
        self, query: HybridQuery, depth: int, again: str | None = None, before: Found = Found(None, None)
    ) -> Found:
        """What each side returns; after feedback, `again` says for which the query is another than `before`."""
        sparse, dense = before
        if self.mode != DENSE and again != DENSE:
            assert query.sparse is not None
            sparse = self.sides.search_sparse(query.sparse, depth)
        if self.mode == SPARSE_FIRST:
            assert query.dense is not None and sparse is not None
            dense = self.sides.score_dense(query.dense, sparse.rows)
        elif self.mode != SPARSE and again != SPARSE:
            assert query.dense is not None
            dense = self.sides.search_dense(query.dense, depth)
        return Found(sparse, dense)

    # -- feedback ----------------------------------------------------------------------------------------------------

    def _learn(self, query: HybridQuery, found: Found, settings: FeedbackSettings) -> HybridQuery:
        """The query of the second search."""
        fused: HybridHits | None = None
        if self.plan.retrieve.fuses and settings.interpolate != "after":
            fused = self._fuse(query, found, None if self.k is None else max(self.k, settings.documents))
        with self.sides.timed("feedback"):
            sparse, dense = query.sparse, query.dense
            if settings.vectors != DENSE:
                rows, scores = _best(fused or found.sparse, settings.documents)
                if len(rows):
                    assert sparse is not None
                    vectors = [self.index.vector(int(row)) for row in rows]
                    # Words weigh otherwise in documents than in queries, so it is the model's terms that are learned.
                    words = self.index.parts.get("words")
                    first = words.first if words is not None and words.first else self.index.dim
                    asked, kept = _split(sparse, first)
                    learned = sparse_feedback(
                        settings.method,
                        asked,
                        [_split(vector, first)[0] for vector in vectors],
                        scores,
                        settings.query_weight,
                        settings.terms,
                    )
                    sparse = np.concatenate([learned[0], kept[0]]), np.concatenate([learned[1], kept[1]])
            if settings.vectors != SPARSE:
                rows, scores = _best(fused or found.dense, settings.documents)
                if len(rows):
                    assert dense is not None
                    known = self.sides.dense.vectors[rows]
                    dense = dense_feedback(settings.method, dense, known, scores, settings.query_weight)
                    dense = self.sides.dense.prepare(dense)[0]
            return HybridQuery(sparse, dense)

    # -- one ranking of two ------------------------------------------------------------------------------------------

    def _one_side(self, query: HybridQuery, side: str, found: Found) -> HybridHits:
        ranking = found.sparse if side == SPARSE else found.dense
        assert ranking is not None
        rows, scores = ranking.rows, ranking.scores
        if self.reach != self.k:
            rows, scores = rows[: self.k], scores[: self.k]
        contributions = scores.astype(np.float64)
        given = SideScores(scores, np.arange(1, len(rows) + 1), contributions)
        sides = (given, None) if side == SPARSE else (None, given)
        return self._hits(query, rows, contributions, sides, None)

    def _fuse_deeper(self, query: HybridQuery, found: Found) -> HybridHits:
        """What both sides found, fused; for hits beyond their depth, what they find when they are searched deeper."""
        k, depth, hits = self.k, self.depth, self._fuse(query, found, self.k)
        if k is None or self.exact or k <= depth:
            return hits
        hits = _first(hits, k if self._is_all(found, depth) else depth)
        while len(hits.rows) < k and not self._is_all(found, depth):
            depth = min(NEXT_DEPTH * depth, len(self.index))
            found = self._retrieve(query, depth)
            more = self._fuse(query, found, k)
            hits = followed_by(hits, more, k if self._is_all(found, depth) else min(k, depth))
        return hits

    def _is_all(self, found: Found, depth: int) -> bool:
        """Whether the sides return no more when they are searched deeper."""
        sides = (side for side in found if side is not None)
        return depth >= len(self.index) or all(len(side.rows) < depth for side in sides)

    def _fuse(self, query: HybridQuery, found: Found, k: int | None) -> HybridHits:
        """Fuse both rankings; keep the k best, or all for None."""
        sparse, dense, fusion = found.sparse, found.dense, self.plan.fusion
        assert sparse is not None and dense is not None and fusion is not None
        weight = self._dense_weight(query, sparse, dense)
        of_ranks = METHODS[fusion.method].of_ranks
        if of_ranks is not None:
            with self.sides.timed("fuse"):
                # Twice the weights: even ones give the published sum of 1 / (k + rank).
                shares = (2 * (1 - weight), 2 * weight)
                ranks = np.arange(1.0, max(len(sparse.rows), len(dense.rows)) + 1)
                divisors = of_ranks(ranks, fusion.rank_constant)
                return self._fused(query, fuse(self.index, sparse[:2], dense[:2], shares, k, divisors=divisors), weight)
        # Fixed by the first `depth` hits of each side, however many are asked for, or searched for later.
        with self.sides.timed("fuse"):
            first = self.plan.retrieve.depth
            least = -1.0 if self.sides.dense.record.similarity == "cosine" else None
            maps = (
                normaliser(fusion.method, sparse.scores[:first], 0.0),
                normaliser(fusion.method, dense.scores[:first], least),
            )
        depth = self.depth
        while True:
            with self.sides.timed("fuse"):
                fused = self._fuse_scores(query, sparse, dense, maps, weight, k)
                if not self.exact or _is_final(fused, sparse, dense, maps, weight, k):
                    return self._fused(query, fused, weight)
            depth = min(_DEEPER * depth, len(self.index))
            assert query.sparse is not None and query.dense is not None
            sparse, dense = self.sides.search_sparse(query.sparse, depth), self.sides.search_dense(query.dense, depth)

    def _dense_weight(self, query: HybridQuery, sparse: RowRanking, dense: RowRanking) -> float:
        """The dense weight asked for, or tuned for this method on judged queries, or the method's own."""
        fusion, tuning = self.plan.fusion, stored_tuning(self.index)
        assert fusion is not None and query.sparse is not None
        if fusion.dense_weight is not None:
            return fusion.dense_weight
        if tuning is not None and tuning.method == fusion.method:
            return tuning.weight(query_features(len(query.sparse[0]), sparse[:2], dense[:2]))
        return METHODS[fusion.method].dense_weight

    def _fuse_scores(
        self,
        query: HybridQuery,
        sparse: RowRanking,
        dense: RowRanking,
        maps: tuple[Normaliser, Normaliser],
        weight: float,
        k: int | None,
    ) -> Fused:
        completes = self.plan.fusion is not None and self.plan.fusion.completion != "none"
        # The assumed value of an unknown score, which is never above it. A sparse search that returned fewer than asked
        # has found every document that shares a term.
        absent = (
            0.0 if not len(sparse.rows) or (completes and sparse.complete) else float(sparse.scores[-1]),
            float(dense.scores[-1]) if len(dense.rows) else 0.0,
        )
        complete = None
        if completes:
            assert query.sparse is not None and query.dense is not None
            complete = (None if sparse.complete else self.sides.prepare_sparse(query.sparse), query.dense)
        shares = (1 - weight, weight)
        return fuse(self.index, sparse[:2], dense[:2], shares, k, maps=maps, absent=absent, complete=complete)

    def _fused(self, query: HybridQuery, fused: Fused, weight: float) -> HybridHits:
        sparse, dense = (
            SideScores(fused.side_scores[side], fused.ranks[side], fused.contributions[side]) for side in (0, 1)
        )
        return self._hits(query, fused.rows, fused.scores, (sparse, dense), weight)

    def _hits(
        self,
        query: HybridQuery,
        rows: Rows,
        scores: CombinedScores,
        given: tuple[SideScores | None, SideScores | None],
        weight: float | None,
    ) -> HybridHits:
        sides = self.sides
        return HybridHits(
            rows, scores, *given, weight, query, sides.sparse_stats, sides.dense_stats, sides.milliseconds
        )


def followed_by(
    first: HybridHits,
    deeper: HybridHits,
    most: int,
    *,
    documents_of: Callable[[Rows], Rows] | None = None,
    lowers: bool = True,
) -> HybridHits:
    """At most `most` hits: the first ones as they are, then those of a deeper search that are not among them.

    What follows scores no more than what comes before it, unless `lowers` is off. The work and the query are those of
    the deeper search. `documents_of` says whose windows rows are, in which case a document is not to come twice.
    """
    known, found = first.rows, deeper.rows
    if documents_of is not None:
        known, found = documents_of(known), documents_of(found)
    new = np.flatnonzero(~np.isin(found, known))[: max(0, most - len(known))]
    scores = deeper.scores[new]
    if lowers and len(first.scores):
        scores = np.minimum(scores, first.scores[-1])

    def joined(before: SideScores | None, after: SideScores | None) -> SideScores | None:
        if before is None or after is None:
            return None
        return SideScores(
            np.concatenate([before.scores, after.scores[new]]),
            np.concatenate([before.ranks, after.ranks[new]]),
            np.concatenate([before.contributions, after.contributions[new]]),
        )

    return deeper._replace(
        rows=np.concatenate([first.rows, deeper.rows[new]]),
        scores=np.concatenate([first.scores, scores]),
        sparse=joined(first.sparse, deeper.sparse),
        dense=joined(first.dense, deeper.dense),
        dense_weight=first.dense_weight,
    )


def _first(hits: HybridHits, most: int) -> HybridHits:
    """The first hits."""

    def cut(side: SideScores | None) -> SideScores | None:
        return side and SideScores(side.scores[:most], side.ranks[:most], side.contributions[:most])

    sparse, dense = cut(hits.sparse), cut(hits.dense)
    return hits._replace(rows=hits.rows[:most], scores=hits.scores[:most], sparse=sparse, dense=dense)


def _split(row: SparseQuery, first: int) -> tuple[SparseQuery, SparseQuery]:
    """The terms below `first`, and the others."""
    terms, weights = np.asarray(row[0]), np.asarray(row[1])
    below = terms < first
    return (terms[below], weights[below]), (terms[~below], weights[~below])


def _best(ranking: HybridHits | RowRanking | None, count: int) -> tuple[Rows, npt.NDArray[np.floating]]:
    """The first rows and scores, to learn from."""
    assert ranking is not None
    return ranking.rows[:count], ranking.scores[:count]


def _is_final(
    fused: Fused,
    sparse: RowRanking,
    dense: RowRanking,
    maps: tuple[Normaliser, Normaliser],
    weight: float,
    k: int | None,
) -> bool:
    """Whether no document that neither side returned can be among the best (Fagin's threshold, PODS 2001)."""
    if dense.complete:
        return True
    if k is None or len(fused.rows) < k:
        return False
    bound = (1 - weight) * float(maps[0](0.0 if sparse.complete else sparse.scores[-1]))
    bound += weight * float(maps[1](dense.scores[-1]))
    return bool(fused.scores[-1] > bound)

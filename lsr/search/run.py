"""Running a plan: search, re-rank, and report for each hit what each stage gave it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.facets import Facet
from lsr.core.types import CombinedScores, Rows
from lsr.index.fusion.methods import normaliser
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import HybridHits, SideScores
from lsr.index.fusion.settings import SPARSE
from lsr.search.plan import RerankSettings, SearchPlan
from lsr.search.relevance import Calibration, calibration_of, measured, relevance_of
from lsr.search.rerank import Rerankers
from lsr.search.response import Hit, SearchResponse, StageScore, Total
from lsr.search.selection import allowed_rows, select
from lsr.vectors.explanation import TermNames, explain_match

if TYPE_CHECKING:
    from lsr.index import Index


class Ranked(NamedTuple):
    """The rows and scores of a query's hits, first ones first, and how they were found.

    Attributes:
        rows: int64 [n]; scores: float64 [n].
        found: what was retrieved, which re-ranking reorders.
        order: int64 [n]: the position of each hit in `found`; None without re-ranking, for the order there.
        reranked: float64: new scores in the order of `found`; NaN for hits not scored again. None without re-ranking.
        milliseconds: the time of each stage.
        total, facets, sort: as of `Selected`.
        relevance: float64 [n]: from 0 to 1, NaN for hits that were not scored again; None without a calibration.
    """

    rows: Rows
    scores: CombinedScores
    found: HybridHits
    order: Rows | None
    reranked: CombinedScores | None
    milliseconds: dict[str, float]
    total: Total
    facets: dict[str, Facet] | None = None
    sort: list[list[Any]] | None = None
    relevance: CombinedScores | None = None


def rank(
    index: Index,
    rerankers: Rerankers,
    text: str,
    query: HybridQuery,
    k: int,
    plan: SearchPlan,
    allow: npt.NDArray[Any] | None = None,
    page: int | None = None,
    after: Sequence[Any] | None = None,
) -> Ranked:
    """The k best documents, or the first in the plan's order.

    `text` is for a re-ranker; the query's vectors are those that the plan needs. In an index of windows, each document
    is re-ranked by its best one. `page` and `after` as for `select`.
    """
    allow = allowed_rows(index, plan, allow)
    calibration = calibration_of(index, plan)
    if plan.rerank is None:
        found, total, facets, sort = select(index, query, k, plan, allow, page, after, calibration)
        ranked = Ranked(found.rows, found.scores, found, None, None, found.milliseconds, total, facets, sort)
        return _with_relevance(index, plan, calibration, ranked)
    depth = plan.rerank.depth
    page = None if page is None else max(page, depth)
    found, total, facets, _ = select(index, query, max(k, depth), plan, allow, page, after)
    start = perf_counter()
    reranked = np.full(len(found.rows), np.nan)
    first = found.rows[: plan.rerank.depth]
    reranked[: len(first)] = rerankers.score(plan.rerank.model, text, first)
    order, scores = _reordered(found, reranked, plan.rerank)
    milliseconds = {**found.milliseconds, "rerank": (perf_counter() - start) * 1e3}
    ranked = Ranked(found.rows[order], scores[order], found, order, reranked, milliseconds, total, facets)
    return _cut(_with_relevance(index, plan, calibration, ranked), k, plan.min_relevance)


def _with_relevance(index: Index, plan: SearchPlan, calibration: Calibration | None, ranked: Ranked) -> Ranked:
    """With the relevance of its hits, if there is a calibration, and what is searched for has any."""
    query = ranked.found.query
    if calibration is None or (query.sparse is None and query.dense is None):
        return ranked
    again = None if ranked.reranked is None or ranked.order is None else ranked.reranked[ranked.order]
    features = measured(index, plan, ranked.found, ranked.scores, ranked.rows, again)
    # In an order of its own, a hit may be more relevant than one before it.
    return ranked._replace(relevance=relevance_of(calibration, features, ranked=ranked.sort is None))


def _cut(ranked: Ranked, k: int, least: float | None) -> Ranked:
    """The first k hits that are relevant enough, after re-ranking; those that were not scored again never are."""
    total, most = ranked.total, len(ranked.rows)
    if least is not None and ranked.relevance is not None:
        most = int(np.count_nonzero(ranked.relevance >= least))
        total = Total(most, "exact")
    most = min(k, most)
    assert ranked.order is not None
    relevance = None if ranked.relevance is None else ranked.relevance[:most]
    return ranked._replace(
        rows=ranked.rows[:most],
        scores=ranked.scores[:most],
        order=ranked.order[:most],
        total=total,
        relevance=relevance,
    )


def _reordered(found: HybridHits, reranked: CombinedScores, settings: RerankSettings) -> tuple[Rows, CombinedScores]:
    """The new order of the hits found, best first, and the new scores, in the old order."""
    new = reranked
    if settings.weight < 1:
        again = reranked[~np.isnan(reranked)]
        old = normaliser("min_max", found.scores[: len(again)])(found.scores)
        new = settings.weight * normaliser("min_max", np.sort(again)[::-1])(reranked) + (1 - settings.weight) * old
    held = np.isnan(new)
    # Hits beyond the depth keep their order, below all those scored again.
    order = np.lexsort((np.arange(len(new)), -np.where(held, 0, new), held))
    lowest = float(new[~held].min(initial=math.inf)) if not held.all() else 0.0
    return order, np.where(held, lowest - 1 - np.arange(len(new)), new)


def answer(
    index: Index,
    ranked: Ranked,
    plan: SearchPlan,
    *,
    vocabulary: Callable[[], TermNames] | None,
    encode_ms: dict[str, float],
    search_ms: float,
    offset: int = 0,
) -> SearchResponse:
    """The hits with their documents and what each stage said of them; with matches if there is a `vocabulary`.

    The first `offset` hits are left out.
    """
    found = ranked.found
    query, words = found.query.sparse, None
    if vocabulary is not None and query is not None:
        words = vocabulary()
    hits = []
    # With a single stage, there is nothing to report beyond the score.
    said = [{} for _ in ranked.rows] if plan.stages == (SPARSE,) else _stages(ranked)
    scored = zip(ranked.rows.tolist(), ranked.scores.tolist(), said, strict=True)
    for rank, (row, score, stages) in enumerate(islice(scored, offset, None), start=1 + offset):
        document, window = index.documents.passage(row)
        matches = None
        if words is not None and query is not None:
            matches = explain_match(query, index.vector(row), words).matches
        sort = None if ranked.sort is None else ranked.sort[rank - 1]
        relevance = None if ranked.relevance is None else float(ranked.relevance[rank - 1])
        relevance = None if relevance is None or math.isnan(relevance) else relevance
        hits.append(Hit(rank, document.id, score, document, matches, stages, window, sort, relevance))
    went = found.sparse_stats.mode if plan.retrieve.mode == SPARSE and found.sparse_stats else plan.mode
    if ranked.sort is not None:
        went = "all"
    return SearchResponse(
        hits,
        went,
        found.sparse_stats,
        sum(encode_ms.values()),
        search_ms,
        dense_stats=found.dense_stats,
        dense_weight=found.dense_weight,
        stages_ms={**encode_ms, **ranked.milliseconds},
        total=ranked.total,
        facets=ranked.facets,
    )


def _stages(ranked: Ranked) -> list[dict[str, StageScore]]:
    """What each stage gave each hit."""
    found, order = ranked.found, ranked.order
    stages: list[dict[str, StageScore]] = [{} for _ in range(len(ranked.rows))]
    for name, side in (("sparse", found.sparse), ("dense", found.dense)):
        if side is not None:
            for said, each in zip(stages, _of_side(side, order), strict=True):
                said[name] = each
    if order is not None and ranked.reranked is not None:
        places = np.searchsorted(np.sort(-ranked.reranked), -ranked.reranked[order]) + 1
        for said, score, place in zip(stages, ranked.reranked[order].tolist(), places.tolist(), strict=True):
            if not math.isnan(score):
                said["rerank"] = StageScore(score, place)
    return stages


def _of_side(side: SideScores, order: Rows | None) -> list[StageScore]:
    """One side's scores, in the order of the hits. It contributes nothing to hits that were scored again."""
    scores, ranks, contributions = side
    if order is not None:
        scores, ranks = scores[order], ranks[order]
        shares: list[float | None] = [None] * len(order)
    else:
        shares = contributions.tolist()
    return [
        StageScore(None if score != score else score, rank or None, share)
        for score, rank, share in zip(scores.tolist(), ranks.tolist(), shares, strict=True)
    ]

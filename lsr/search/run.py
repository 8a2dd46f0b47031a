"""Running a plan: encode what it needs, search, re-rank, and say of each hit what each stage did for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.types import CombinedScores, Rows
from lsr.index.fusion.grouping import search_documents
from lsr.index.fusion.methods import normaliser
from lsr.index.fusion.search import HybridHits, HybridQuery, SideScores
from lsr.search.plan import RerankSettings, SearchPlan
from lsr.search.response import Hit, SearchResponse, StageScore
from lsr.vectors.explanation import explain_match

if TYPE_CHECKING:
    from lsr.search.rerank import Rerankers
    from lsr.search.retriever import Retriever


@dataclass(frozen=True, slots=True)
class Ranked:
    """The rows and scores of a query's hits, best first, and how they came about.

    Attributes:
        found: what was retrieved, which re-ranking reorders.
        order: int64 [n]: of `found`, best first.
        scores: float64 [n], in that order.
        reranked: of `found`, in its order: float64; NaN where the hit was not scored again. None without re-ranking.
        milliseconds: of each stage.
    """

    found: HybridHits
    order: Rows
    scores: CombinedScores
    reranked: CombinedScores | None
    milliseconds: dict[str, float]

    @property
    def rows(self) -> Rows:
        """int64 [n], best first."""
        return self.found.rows[self.order]


def run_plan(
    retriever: Retriever, text: str, query: HybridQuery, k: int, plan: SearchPlan, allow: npt.NDArray[Any] | None = None
) -> Ranked:
    """The k best documents. `text` is what a re-ranker reads; the query's vectors are those that the plan needs.

    In an index of windows, each document is re-ranked by its best one.
    """
    if plan.rerank is None:
        found = search_documents(retriever.index, query, k, plan.retrieve, allow=allow)
        return Ranked(found, np.arange(len(found.rows)), found.scores, None, found.milliseconds)
    found = search_documents(retriever.index, query, max(k, plan.rerank.depth), plan.retrieve, allow=allow)
    start = perf_counter()
    reranked = _rerank(retriever.rerankers, text, found, plan.rerank)
    again = reranked[~np.isnan(reranked)]
    new = reranked
    if plan.rerank.weight < 1:
        old = normaliser("min_max", found.scores[: len(again)])(found.scores)
        new = (
            plan.rerank.weight * normaliser("min_max", np.sort(again)[::-1])(reranked) + (1 - plan.rerank.weight) * old
        )
    held = np.isnan(new)
    # Hits beyond the depth keep their order, below all that were scored again.
    order = np.lexsort((np.arange(len(new)), -np.where(held, 0, new), held))[:k]
    lowest = float(new[~held].min(initial=math.inf)) if not held.all() else 0.0
    scores = np.where(held, lowest - 1 - np.arange(len(new)), new)
    milliseconds = {**found.milliseconds, "rerank": (perf_counter() - start) * 1e3}
    return Ranked(found, order, scores[order], reranked, milliseconds)


def _rerank(rerankers: Rerankers, text: str, found: HybridHits, settings: RerankSettings) -> CombinedScores:
    """float64 [n]: the new score of each hit, NaN beyond the depth."""
    scores = np.full(len(found.rows), np.nan)
    scores[: settings.depth] = rerankers.score(settings.model, text, found.rows[: settings.depth])
    return scores


def answer(
    retriever: Retriever,
    ranked: Ranked,
    plan: SearchPlan,
    *,
    explain: bool,
    encode_ms: dict[str, float],
    search_ms: float,
) -> SearchResponse:
    """The hits with their documents and what each stage said of them."""
    index, found = retriever.index, ranked.found
    hits = []
    places = zip(ranked.order.tolist(), ranked.scores.tolist(), strict=True)
    for rank, (place, score) in enumerate(places, start=1):
        row = int(found.rows[place])
        document, window = index.passage(row)
        matches = None
        if explain and found.query.sparse is not None:
            matches = explain_match(found.query.sparse, index.vector(row), retriever.vocabulary).matches
        hits.append(Hit(rank, document.id, score, document, matches, _stages(ranked, place), window))
    return SearchResponse(
        hits,
        found.sparse_stats,
        sum(encode_ms.values()),
        search_ms,
        mode=plan.mode,
        dense_stats=found.dense_stats,
        dense_weight=found.dense_weight,
        stages_ms={**encode_ms, **ranked.milliseconds},
    )


def _stages(ranked: Ranked, place: int) -> dict[str, StageScore]:
    found, stages = ranked.found, {}
    for name, side in (("sparse", found.sparse), ("dense", found.dense)):
        if side is not None:
            stages[name] = _of_side(side, place, adds=ranked.reranked is None)
    if ranked.reranked is not None and not math.isnan(ranked.reranked[place]):
        better = int((ranked.reranked > ranked.reranked[place]).sum())
        stages["rerank"] = StageScore(float(ranked.reranked[place]), better + 1)
    return stages


def _of_side(side: SideScores, place: int, *, adds: bool) -> StageScore:
    score, rank = float(side.scores[place]), int(side.ranks[place])
    return StageScore(
        None if math.isnan(score) else score, rank or None, float(side.contributions[place]) if adds else None
    )

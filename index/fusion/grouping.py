"""Documents as hits: in an index of windows, hits are grouped by document."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import count
from lsr.core.types import Rows
from lsr.index.engines.registry import is_always_exact
from lsr.index.engines.tuning import choose_tuning
from lsr.index.filters.allowed import as_bitmap
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import NEXT_DEPTH, HybridHits, SideScores, followed_by, search_rows
from lsr.index.fusion.settings import AUTO, DENSE, RetrievalPlan
from lsr.index.fusion.sides import RowRanking
from lsr.index.fusion.windows import BestDocuments, ScoredWindows, best_by_max, best_by_sum, best_of, top_windows

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index
    from lsr.index.live.windows import Windows

# How much deeper a search looks when documents that it has not seen could be among the best.
_DEEPER = 4


def search_documents(
    index: Index,
    query: HybridQuery,
    k: int = 10,
    plan: RetrievalPlan | None = None,
    *,
    allow: npt.NDArray[Any] | None = None,
    page: int | None = None,
) -> HybridHits:
    """Search as `search_rows` does, with one hit per document in an index of windows: its best window.

    A hit has the document's score. By "max" (and "first") the documents are those of brute force over all windows, if
    the searches are exact; the same holds by "sum" in a search of sparse or dense vectors alone. If scores are fused,
    "sum" adds up the fused scores of the windows that were retrieved. Each side's score and rank are the best window's,
    its contribution the document's. Feedback learns from windows. What `recall` and mode "auto" choose for `k` is kept
    when the search goes deeper. `allow` says which rows, here windows, may count.

    `page`, up to k, is for hits that are shown page by page: pages that are cut from searches of the same `page` are
    slices of one ranking. `recall` and mode "auto" then stand for what they do there; and what an approximate search
    finds beyond its first `page` hits follows these, whatever it scores.
    """
    plan = plan or RetrievalPlan()
    k = count(k)
    page = k if page is None else min(page, k)
    if page == k:
        return _grouped(index, query, k, plan, allow)
    plan = _fixed(index, plan, page, filtered=allow is not None)
    if plan.retrieve.fuses or _finds_the_best(index, plan, filtered=allow is not None):
        return _grouped(index, query, k, plan, allow, page)
    windows = index.documents.windows
    documents_of = None if windows is None else windows.documents_of
    hits = _grouped(index, query, page, plan, allow)
    while len(hits.rows) < k and page < len(index):
        page = min(NEXT_DEPTH * page, len(index))
        more = _grouped(index, query, page, plan, allow)
        hits = followed_by(hits, more, min(k, page), documents_of=documents_of, lowers=False)
    return hits


def _grouped(
    index: Index,
    query: HybridQuery,
    k: int,
    plan: RetrievalPlan,
    allow: npt.NDArray[Any] | None,
    page: int | None = None,
) -> HybridHits:
    """See `search_documents`, of sides that are exact or, where they are fused, as deep for every page."""
    windows = index.documents.windows
    if windows is None:
        return search_rows(index, query, k, plan, allow=allow)
    page = k if page is None else page
    plan = _fixed(index, plan, page, filtered=allow is not None)
    if plan.retrieve.fuses:
        return _fused_documents(index, windows, query, k, plan, allow, page)
    by_sum, top = windows.settings.score == "sum", windows.settings.added
    allowed = _mask(index, allow) if by_sum and allow is not None else None
    # At least what either side returns anyway; a document usually has a few windows.
    depth = max(min(max(2 * k, plan.depth_for(k)), len(index)), 1)  # a collection may be empty
    searches: list[HybridHits] = []
    while True:
        ranking, documents = _search_windows(index, windows, query, depth, plan, allow, searches)
        if by_sum:
            query_then, mode = searches[-1].query, plan.retrieve.mode
            scored = _all_windows(index, windows, query_then, mode, np.unique(documents), allowed)
            best = best_by_sum(ranking, documents, scored, k, top)
        else:
            best = best_by_max(ranking, documents, k)
        if best is not None:
            return _best_windows(searches, best, best.scores)
        depth = min(_DEEPER * depth, len(index))


def _fused_documents(
    index: Index,
    windows: Windows,
    query: HybridQuery,
    k: int,
    plan: RetrievalPlan,
    allow: npt.NDArray[Any] | None,
    page: int,
) -> HybridHits:
    """The documents by their windows' fused scores: of the first search that finds `page`, then of deeper ones."""
    depth = max(min(max(2 * page, plan.retrieve.depth), len(index)), 1)
    searches: list[HybridHits] = []
    hits: HybridHits | None = None
    while True:
        ranking, documents = _search_windows(index, windows, query, depth, plan, allow, searches)
        found = len(np.unique(documents))
        if ranking.complete or found >= page:
            if windows.settings.score == "sum":
                more = _added_up(documents, searches, k, windows.settings.added)
            else:
                best = best_by_max(ranking, documents, min(k, found))
                assert best is not None
                more = _best_windows(searches, best, None)
            hits = more if hits is None else followed_by(hits, more, k, documents_of=windows.documents_of)
            if ranking.complete or len(hits.rows) == k:
                return hits
        depth = min(_DEEPER * depth, len(index))


def _search_windows(
    index: Index,
    windows: Windows,
    query: HybridQuery,
    depth: int,
    plan: RetrievalPlan,
    allow: npt.NDArray[Any] | None,
    searches: list[HybridHits],
) -> tuple[RowRanking, Rows]:
    """The best windows, and whose they are; the search is added to `searches`."""
    found = search_rows(index, query, depth, plan, allow=allow, first=depth)
    searches.append(found)
    complete = len(found.rows) < depth or depth == len(index)
    return RowRanking(found.rows, found.scores, complete), windows.documents_of(found.rows)


def group_rows(
    index: Index, rows: Rows, scores: npt.NDArray[np.float64], k: int
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """The k best documents of scored rows in any order, best first: rows of their best windows, and their scores.

    In an index without windows, the k best rows.
    """
    windows = index.documents.windows
    if windows is None:
        order = np.lexsort((rows, -scores))[:k]
        return rows[order], scores[order]
    best = best_of(windows.documents_of(rows), scores, k, windows.settings.added)
    return rows[best.places], best.scores


def _fixed(index: Index, plan: RetrievalPlan, k: int, *, filtered: bool) -> RetrievalPlan:
    """The plan with its sparse mode fixed to the one chosen for k hits, whatever the depth."""
    sparse = plan.retrieve.sparse
    if sparse is None:
        return plan
    if sparse.recall is not None:
        tuning = choose_tuning(index.sparse.tunings, k, sparse.recall)
        sparse = replace(sparse, recall=None, mode=tuning.mode, parameters=dict(tuning.parameters) or None)
    elif (
        sparse.mode == AUTO
        and (plan.fusion is None or plan.fusion.completion != "exact")
        and index.sparse.choose_mode(k, filtered=filtered) == "approximate"
    ):
        sparse = replace(sparse, mode="approximate")
    return replace(plan, retrieve=replace(plan.retrieve, sparse=sparse))


def _finds_the_best(index: Index, plan: RetrievalPlan, *, filtered: bool) -> bool:
    """Whether a search of one side, whose mode `_fixed` chose, is exact however many hits it is asked for."""
    sparse, dense = plan.retrieve.sparse, plan.retrieve.dense
    if sparse is not None and sparse.mode != AUTO and not is_always_exact(sparse.mode):
        return False
    if dense is None:
        return True
    part = index.parts["dense"]
    return dense.mode == "exact" or part.kind == "flat" or (dense.mode == AUTO and filtered)


def _mask(index: Index, allow: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.unpackbits(as_bitmap(allow, len(index)), count=len(index), bitorder="little").astype(np.bool_)


def _all_windows(
    index: Index,
    windows: Windows,
    query: HybridQuery,
    mode: str,
    documents: Rows,
    allowed: npt.NDArray[np.bool_] | None,
) -> ScoredWindows:
    """All allowed windows of some documents, scored by the query that was searched with last."""
    rows = windows.windows_of(documents)
    if allowed is not None:
        rows = rows[allowed[rows]]
    if mode == DENSE:
        assert query.dense is not None
        scores = index.parts["dense"].scores_prepared(query.dense, rows)
    else:
        assert query.sparse is not None
        scores = index.scores(*query.sparse, rows)
    return ScoredWindows(windows.documents_of(rows), scores.astype(np.float64))


def _added_up(documents: Rows, searches: list[HybridHits], k: int, top: int) -> HybridHits:
    """Rank the documents by the sum of the fused scores of their best retrieved windows."""
    found = searches[-1]
    best = best_of(documents, found.scores, k, top)
    kept, owners = top_windows(documents, found.scores, top)
    order = np.searchsorted(np.unique(documents), best.documents)

    def add(side: SideScores | None, taken: SideScores | None) -> SideScores | None:
        if side is None or taken is None:
            return None
        return taken._replace(contributions=np.bincount(owners, side.contributions[kept])[order].astype(np.float64))

    hits = _best_windows(searches, best, None)
    return hits._replace(sparse=add(found.sparse, hits.sparse), dense=add(found.dense, hits.dense))


def _best_windows(
    searches: list[HybridHits], best: BestDocuments, contributions: npt.NDArray[np.float64] | None
) -> HybridHits:
    """Reduce the last search's hits to the documents' best windows, with the documents' scores."""
    found = searches[-1]

    def part(side: SideScores | None) -> SideScores | None:
        if side is None:
            return None
        at = best.places
        taken = SideScores(side.scores[at], side.ranks[at], side.contributions[at])
        return taken if contributions is None else taken._replace(contributions=contributions)

    milliseconds: dict[str, float] = {}
    for hits in searches:
        for stage, ms in hits.milliseconds.items():
            milliseconds[stage] = milliseconds.get(stage, 0.0) + ms
    return found._replace(
        rows=found.rows[best.places],
        scores=best.scores,
        sparse=part(found.sparse),
        dense=part(found.dense),
        milliseconds=milliseconds,
    )

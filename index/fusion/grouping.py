"""Searching for documents in an index of windows: what any search finds, grouped by document."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.types import Rows
from lsr.index.engines.hits import SearchStats
from lsr.index.engines.tuning import choose_tuning
from lsr.index.fusion.search import HybridHits, HybridQuery, Ranking, SideScores, SparseQuery, search_hybrid
from lsr.index.fusion.settings import HybridSettings
from lsr.index.fusion.windows import BestDocuments, best_by_max, best_by_sum, best_of, top_windows

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index
    from lsr.index.parts.windows import WindowRows


def search_documents(
    index: Index,
    query: HybridQuery,
    k: int = 10,
    settings: HybridSettings | None = None,
    *,
    allow: npt.NDArray[Any] | None = None,
) -> HybridHits:
    """As `search_hybrid`, in an index of windows one hit for each document: its best window, with the document's score.

    By "max" (and "first") the documents are those of brute force over all windows, if the searches are exact; so are
    they by "sum", in a search of sparse or of dense vectors alone. Where scores are fused, "sum" adds up the fused
    scores of the windows that were retrieved. Each side's score and rank are the best window's, its contribution the
    document's. Feedback learns from windows. `recall` and mode "auto" stand for what they do at `k`, and are kept to
    when the search goes deeper. `allow` says which rows, here windows, may count.
    """
    settings = settings or HybridSettings()
    windows = index.windows
    if windows is None:
        return search_hybrid(index, query, k, settings, allow=allow)
    if k < 1:
        raise InputError(f"k must be at least 1, not {k}")
    settings = _fixed(index, settings, k, filtered=allow is not None)
    searches: list[HybridHits] = []

    def search(depth: int) -> Ranking:
        depth = min(depth, len(index))
        hits = search_hybrid(index, query, depth, settings, allow=allow)
        searches.append(hits)
        return Ranking(hits.rows, hits.scores, len(hits.rows) < depth or depth == len(index))  # type: ignore[arg-type]

    # What either side returns anyway; a few windows of each document are usual.
    depth = max(2 * k, settings.fusion.depth)
    fuses = settings.vectors not in ("sparse", "dense")
    if windows.settings.score != "sum" or fuses:
        best = best_by_max(search, windows.documents_of, k, depth)
        if windows.settings.score == "sum":
            return _added_up(windows, searches, k)
    else:
        allowed = None if allow is None else _mask(index, allow)

        def windows_of(documents: Rows) -> Rows:
            rows = windows.windows_of(documents)
            return rows if allowed is None else rows[allowed[rows]]

        def score(rows: Rows) -> npt.NDArray[np.float32]:
            asked = searches[-1].query
            if settings.vectors == "dense":
                assert asked.dense is not None
                return index.dense.scores_prepared(asked.dense, rows)  # as the search has prepared it
            assert asked.sparse is not None
            return index.scores(*asked.sparse, rows)

        best = best_by_sum(search, score, windows.documents_of, windows_of, k, depth, windows.settings.added)
    return _best_windows(searches, best, None if fuses else best.scores)


class SparseHits(NamedTuple):
    """The best documents of a sparse search, best first: rows int64 [n], scores [n], and what the last search did."""

    rows: Rows
    scores: npt.NDArray[np.floating]
    stats: SearchStats


def search_sparse(
    index: Index, query: SparseQuery, k: int, *, allow: npt.NDArray[Any] | None = None, **options: Any
) -> SparseHits:
    """As `Index.search`, in an index of windows grouped as `search_documents` does."""
    if index.windows is None:
        hits = index.search(*query, k, allow=allow, **options)
        return SparseHits(hits.rows, hits.scores, hits.stats)
    settings = HybridSettings(vectors="sparse", sparse=options)
    found = search_documents(index, HybridQuery(query), k, settings, allow=allow)
    assert found.sparse_stats is not None
    return SparseHits(found.rows, found.scores, found.sparse_stats)


def group_rows(
    index: Index, rows: Rows, scores: npt.NDArray[np.float64], k: int
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """The k best documents of scored rows in any order, best first: rows of their best windows, and their scores.

    In an index without windows, the k best rows.
    """
    if index.windows is None:
        order = np.lexsort((rows, -scores))[:k]
        return rows[order], scores[order]
    best = best_of(index.windows.documents_of(rows), scores, k, index.windows.settings.added)
    return rows[best.places], best.scores


def _fixed(index: Index, settings: HybridSettings, k: int, *, filtered: bool) -> HybridSettings:
    """The settings with the sparse mode that is chosen for k hits, whatever the depth."""
    given = dict(settings.sparse)
    if given.get("recall") is not None and given.get("mode", "auto") == "auto" and set(given) <= {"mode", "recall"}:
        tuning = choose_tuning(index.tunings, k, given["recall"])
        given = {"mode": tuning.mode, **tuning.parameters}
    elif (
        given.get("mode") == "auto"
        and settings.fusion.completion != "exact"
        and index.choose_mode(k, filtered=filtered) == "approximate"
    ):
        given["mode"] = "approximate"
    return replace(settings, sparse=given)


def _mask(index: Index, allow: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.unpackbits(index.bitmap(allow), count=len(index), bitorder="little").astype(np.bool_)


def _added_up(windows: WindowRows, searches: list[HybridHits], k: int) -> HybridHits:
    """The documents by the sum of their best retrieved windows' fused scores."""
    found = searches[-1]
    documents = windows.documents_of(found.rows)
    best = best_of(documents, found.scores, k, windows.settings.added)
    kept, owners = top_windows(documents, found.scores, windows.settings.added)
    order = np.searchsorted(np.unique(documents), best.documents)

    def add(side: SideScores | None, taken: SideScores | None) -> SideScores | None:
        if side is None or taken is None:
            return None
        return taken._replace(contributions=np.bincount(owners, side.contributions[kept])[order].astype(np.float64))

    hits = _best_windows(searches, best, None)
    return replace(hits, sparse=add(found.sparse, hits.sparse), dense=add(found.dense, hits.dense))


def _best_windows(
    searches: list[HybridHits], best: BestDocuments, contributions: npt.NDArray[np.float64] | None
) -> HybridHits:
    """The last search's hits that are the documents' best windows, with the documents' scores."""
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
    return replace(
        found,
        rows=found.rows[best.places],
        scores=best.scores,
        sparse=part(found.sparse),
        dense=part(found.dense),
        milliseconds=milliseconds,
    )

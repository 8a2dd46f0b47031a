"""The arithmetic of turning rankings of windows into rankings of documents."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.types import CombinedScores
from lsr.index.fusion.sides import RowRanking

Numbers = npt.NDArray[np.int64]


class BestDocuments(NamedTuple):
    """The best documents, best first, ties in the order of their numbers.

    Attributes:
        documents: int64 [n], n <= k.
        scores: float64 [n].
        places: int64 [n]: the place of each document's best window in the ranking of windows.
    """

    documents: Numbers
    scores: CombinedScores
    places: Numbers


class ScoredWindows(NamedTuple):
    """All windows of some documents: the number of each one's document, and its score."""

    documents: Numbers
    scores: CombinedScores


def best_by_max(ranking: RowRanking, documents: Numbers, k: int) -> BestDocuments | None:
    """The k documents with the best windows (MaxP of Dai and Callan, arXiv:1905.09217).

    They are those of brute force over all windows if the ranking is exact. None if it is too short to tell.

    Args:
        ranking: the best windows, best first, ties in row order; a missing window counts as nothing.
        documents: int64: the number of each window's document, which never descends with the rows.
    """
    places = np.sort(np.unique(documents, return_index=True)[1])[:k]
    if len(places) < k and not ranking.complete:
        return None
    return BestDocuments(documents[places], ranking.scores[places].astype(np.float64), places)


def best_by_sum(
    ranking: RowRanking, documents: Numbers, windows: ScoredWindows, k: int, top: int
) -> BestDocuments | None:
    """The k documents with the largest sums of their `top` best windows' scores (SumP, of the best ones only).

    The sum of a document without a window in the ranking is at most `top` times the ranking's last score, or that score
    if it is negative. If that could be among the k best, the ranking is too short: None. Otherwise these are the
    documents of brute force over all windows, if the ranking is exact.

    Args:
        ranking, documents: as `best_by_max`.
        windows: all allowed windows of the documents that have one in the ranking; the documents ascend.
    """
    seen, first = np.unique(documents, return_index=True)
    kept, owners = top_windows(windows.documents, windows.scores, top)
    sums = np.bincount(owners, windows.scores[kept], minlength=len(seen)).astype(np.float64)
    order = np.lexsort((seen, -sums))[:k]
    if not ranking.complete:
        last = float(ranking.scores[-1])
        if len(order) < k or sums[order[-1]] <= (top * last if last > 0 else last):
            return None
    return BestDocuments(seen[order], sums[order], first[order])


def best_of(documents: Numbers, scores: CombinedScores, k: int, top: int) -> BestDocuments:
    """The k best documents by the sum of their `top` best windows, which come in any order and are complete."""
    kept, owners = top_windows(documents, scores, top)
    sums = np.bincount(owners, scores[kept]).astype(np.float64)
    seen, first = np.unique(owners, return_index=True)
    order = np.lexsort((seen, -sums))[:k]
    places = kept[first[order]]
    return BestDocuments(documents[places], sums[order], places)


def top_windows(documents: Numbers, scores: CombinedScores, top: int) -> tuple[Numbers, Numbers]:
    """Places of each document's `top` best windows, and the number of the document, counted from 0 in ascending order.

    Both int64: a document's windows one after another, best first, ties by place.
    """
    order = np.lexsort((np.arange(len(scores)), -scores, documents))
    _, starts, owners = np.unique(documents[order], return_index=True, return_inverse=True)
    kept = np.arange(len(order)) - starts[owners] < top
    return order[kept], owners[kept]

"""From rankings of windows to rankings of their documents.

Nothing here knows how windows are found: a search is a function of the depth that is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.types import CombinedScores
from lsr.index.fusion.search import Ranking

Numbers = npt.NDArray[np.int64]

# How much deeper a search looks when documents that it has not seen could be among the best.
_DEEPER = 4


class BestDocuments(NamedTuple):
    """The best documents, best first, ties in the order of their numbers.

    Attributes:
        documents: int64 [n], n <= k.
        scores: float64 [n].
        places: int64 [n]: where in the last ranking of windows each document's best one stands.
    """

    documents: Numbers
    scores: CombinedScores
    places: Numbers


def best_by_max(
    search: Callable[[int], Ranking], documents_of: Callable[[Numbers], Numbers], k: int, depth: int
) -> BestDocuments:
    """The k documents with the best windows (MaxP of Dai and Callan, arXiv:1905.09217).

    Args:
        search: the best windows up to a depth, best first, ties in row order; one that never comes is worth nothing.
        documents_of: the number of each row's document, which never descends.
        depth: to begin with. Searches go deeper until k documents are found, which are then those of brute force over
            all windows if each search is exact.
    """
    while True:
        found = search(depth)
        documents = documents_of(found.rows)
        places = np.sort(np.unique(documents, return_index=True)[1])[:k]
        if len(places) == k or found.complete:
            return BestDocuments(documents[places], found.scores[places].astype(np.float64), places)
        depth *= _DEEPER


def best_by_sum(
    search: Callable[[int], Ranking],
    score: Callable[[Numbers], npt.NDArray[np.floating]],
    documents_of: Callable[[Numbers], Numbers],
    windows_of: Callable[[Numbers], Numbers],
    k: int,
    depth: int,
    top: int,
) -> BestDocuments:
    """The k documents with the largest sums of their `top` best windows' scores (SumP, of the best ones only).

    Of every document that has a window in a ranking all windows are scored. A document that has none there adds up to
    at most `top` times the ranking's last score, or to that score where it is negative; searches go deeper until that
    is less than the k-th sum. So, if each search is exact, these are the documents of brute force over all windows.

    Args:
        search, documents_of, depth: as `best_by_max`.
        score: of rows.
        windows_of: the rows of the windows that count of these documents, which ascend.
    """
    while True:
        found = search(depth)
        seen, first = np.unique(documents_of(found.rows), return_index=True)
        rows = windows_of(seen)
        scores = score(rows).astype(np.float64)
        kept, owners = top_windows(documents_of(rows), scores, top)
        sums = np.bincount(owners, scores[kept], minlength=len(seen)).astype(np.float64)
        order = np.lexsort((seen, -sums))[:k]
        if found.complete or (len(order) == k and sums[order[-1]] > _most(float(found.scores[-1]), top)):
            return BestDocuments(seen[order], sums[order], first[order])
        depth *= _DEEPER


def _most(score: float, top: int) -> float:
    """The largest sum of up to `top` windows of which none exceeds this score."""
    return top * score if score > 0 else score


def best_of(documents: Numbers, scores: CombinedScores, k: int, top: int) -> BestDocuments:
    """The k best documents of windows in any order, of which no more are looked for, by the sum of their `top` best."""
    kept, owners = top_windows(documents, scores, top)
    sums = np.bincount(owners, scores[kept]).astype(np.float64)
    seen, first = np.unique(owners, return_index=True)
    order = np.lexsort((seen, -sums))[:k]
    places = kept[first[order]]
    return BestDocuments(documents[places], sums[order], places)


def top_windows(documents: Numbers, scores: CombinedScores, top: int) -> tuple[Numbers, Numbers]:
    """Places of each document's `top` best windows, and whose they are, documents counted from 0 as they ascend.

    Both int64: a document's windows beside each other, best first, ties by place.
    """
    order = np.lexsort((np.arange(len(scores)), -scores, documents))
    _, starts, owners = np.unique(documents[order], return_index=True, return_inverse=True)
    kept = np.arange(len(order)) - starts[owners] < top
    return order[kept], owners[kept]

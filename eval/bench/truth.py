"""The right answers: exact top k by inner product, and recall against them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lsr.vectors.sparse import SparseVectors

# Scores of this many queries with one batch of documents are held at a time.
_QUERIES_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Answers:
    """The right answers at one k.

    Attributes:
        relevant: for each query, the documents that count as found: all whose score is at least the k-th best.
        wanted: for each query, how many of them a perfect answer contains: k, or fewer if fewer documents match.
    """

    relevant: Sequence[frozenset[int]]
    wanted: Sequence[int]

    def recall(self, query: int, rows: Iterable[int]) -> float:
        """The share of the wanted documents among `rows`; NaN for a query that matches nothing.

        Any of several documents that tie for the last place counts.
        """
        wanted = self.wanted[query]
        return len(self.relevant[query].intersection(rows)) / wanted if wanted else float("nan")


@dataclass(frozen=True, slots=True)
class Truth:
    """For each query its best documents, best first, with all that tie for the last place.

    Attributes:
        rows: int64 [n ≥ k, or all that match] for each query: row numbers, ties in row order.
        scores: float32, the inner products, positive.
    """

    rows: Sequence[npt.NDArray[np.int64]]
    scores: Sequence[npt.NDArray[np.float32]]

    def at(self, k: int) -> Answers:
        """The answers at a `k` that is at most the computed one."""
        relevant, wanted = [], []
        for rows, scores in zip(self.rows, self.scores, strict=True):
            count = min(k, len(scores))
            wanted.append(count)
            relevant.append(frozenset(rows[scores >= scores[count - 1]].tolist() if count else ()))
        return Answers(relevant, wanted)

    @property
    def top_scores(self) -> npt.NDArray[np.float32]:
        """Each query's best score, 0 if it matches nothing: float32 [queries]."""
        return np.array([scores[0] if len(scores) else 0 for scores in self.scores], np.float32)


def exact_top(
    documents: Iterable[SparseVectors],
    queries: SparseVectors,
    k: int,
    progress: Callable[[int], None] | None = None,
) -> Truth:
    """The `k` best documents of each query by float32 inner product, summed in ascending order of terms.

    Reads `documents` once, batch by batch; rows are numbered through all batches. `progress` is called with the number
    of documents just finished.
    """
    asked = queries.to_scipy()
    best = [_Best(k) for _ in range(len(queries))]
    first_row = 0
    for batch in documents:
        matrix = batch.to_scipy()
        for start in range(0, len(queries), _QUERIES_AT_A_TIME):
            part = slice(start, start + _QUERIES_AT_A_TIME)
            scores = np.ascontiguousarray((matrix @ asked[part].T).toarray().T)
            for query, its_scores in zip(best[part], scores, strict=True):
                query.add(its_scores, first_row)
        first_row += len(batch)
        if progress is not None:
            progress(len(batch))
    sorted_best = [query.sorted() for query in best]
    return Truth([rows for rows, _ in sorted_best], [scores for _, scores in sorted_best])


class _Best:
    """The best k of one query so far, with all that tie with the k-th."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._least = np.nextafter(np.float32(0), np.float32(1))
        self._rows = np.empty(0, np.int64)
        self._scores = np.empty(0, np.float32)

    def add(self, scores: npt.NDArray[np.float32], first_row: int) -> None:
        found = np.flatnonzero(scores >= self._least)
        if not len(found):
            return
        self._rows = np.concatenate([self._rows, found + first_row])
        self._scores = np.concatenate([self._scores, scores[found]])
        if len(self._rows) > self._k:
            at = len(self._scores) - self._k
            self._least = np.partition(self._scores, at)[at]
            kept = self._scores >= self._least
            self._rows, self._scores = self._rows[kept], self._scores[kept]

    def sorted(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        order = np.lexsort((self._rows, -self._scores))
        return self._rows[order], self._scores[order]

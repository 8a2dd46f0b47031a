"""What teachers score: queries, each with its candidate texts."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, overload

import numpy as np
import numpy.typing as npt

from lsr.training.data import Texts, TrainingSet


class CandidateTexts(Protocol):
    """Texts by row: a training set's, or a view of them."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> str: ...

    def take(self, rows: Iterable[int]) -> list[str]: ...

    def id(self, row: int) -> str: ...

    def row(self, id: str) -> int | None: ...


@dataclass(frozen=True, eq=False)
class Pairs:
    """Queries with their candidates, flat.

    Attributes:
        texts: the candidates' texts.
        query_ids, queries: id and text of each query.
        indptr: int64 [queries + 1], where each query's candidates start in `rows`.
        rows: uint32 [pairs], rows of `texts`.
    """

    texts: CandidateTexts
    query_ids: Sequence[str]
    queries: Sequence[str]
    indptr: npt.NDArray[np.int64]
    rows: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, training_set: TrainingSet, texts: CandidateTexts | None = None) -> Pairs:
        """The pairs of a training set, in the order of its `scores`. `texts` replaces the set's own."""
        rows, indptr = array("I"), array("q", [0])
        for i in range(len(training_set)):
            rows.extend(training_set[i].candidates)
            indptr.append(len(rows))
        return cls(
            training_set.texts if texts is None else texts,
            _QueryIds(training_set),
            _Queries(training_set),
            np.frombuffer(indptr, np.int64),
            np.frombuffer(rows, np.uint32),
        )

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.rows)

    def span(self, query: int) -> slice:
        """The slice of one query's pairs."""
        return slice(self.indptr[query], self.indptr[query + 1])

    def candidates(self, query: int) -> npt.NDArray[np.uint32]:
        """Rows of one query's candidates."""
        return self.rows[self.span(query)]

    def blocks(self, most: int) -> Iterator[tuple[int, int]]:
        """Ranges of queries (first, end) with at most `most` pairs, but at least one query."""
        first = 0
        while first < len(self.queries):
            end = int(np.searchsorted(self.indptr, self.indptr[first] + most, side="right")) - 1
            end = max(first + 1, min(end, len(self.queries)))
            yield first, end
            first = end


class UntitledTexts:
    """The texts of a training set whose queries are titles, without these titles.

    A document's text starts with its title, which a teacher would find verbatim. If a query is the beginning of one of
    its positives, with more words following, that beginning is left out. Documents that are not a positive of any query
    keep their titles.
    """

    def __init__(self, training_set: TrainingSet) -> None:
        self._texts = texts = training_set.texts
        self._skipped = np.zeros(len(texts), np.uint32)
        for i in range(len(training_set)):
            example = training_set[i]
            title = f"{example.query.strip()} "
            for row in example.positives:
                text = texts[row]
                if text.startswith(title) and text[len(title) :].strip():
                    self._skipped[row] = len(title)

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, row: int) -> str:
        return self._texts[row][self._skipped[row] :]

    def take(self, rows: Iterable[int]) -> list[str]:
        """The texts of several rows."""
        return [self[row] for row in rows]

    def id(self, row: int) -> str:
        """The id of one row."""
        return self._texts.id(row)

    def row(self, id: str) -> int | None:
        """The row of an id; None if no text has it."""
        return self._texts.row(id)


def texts_of(training_set: TrainingSet, *, without_titles: bool = False) -> Texts | UntitledTexts:
    """The texts as teachers and searchers should read them."""
    return UntitledTexts(training_set) if without_titles else training_set.texts


def distinct(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first place of each distinct value, in that order, and the number of each value's: int64 [distinct], [all].

    Unlike in `numpy.unique`, the order does not depend on the values, which may be hashes.
    """
    _, first, of_each = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[of_each]


class _Queries(Sequence[str]):
    """The queries' texts of a training set, read on demand."""

    def __init__(self, training_set: TrainingSet) -> None:
        self._set = training_set

    def __len__(self) -> int:
        return len(self._set)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._read(i) for i in range(*index.indices(len(self)))]
        return self._read(index)

    def _read(self, i: int) -> str:
        return self._set[i].query


class _QueryIds(_Queries):
    def _read(self, i: int) -> str:
        return self._set[i].query_id

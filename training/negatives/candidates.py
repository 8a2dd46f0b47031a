"""What searchers find for the queries of a training set, without what must not be a negative."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.progress import Stages
from lsr.training.data import TrainingSet
from lsr.training.negatives.searchers import CandidateSearcher, Rows
from lsr.training.teachers.pairs import distinct

# Number of queries searched at once.
_QUERIES = 1024


@dataclass(frozen=True, eq=False)
class DistinctQueries:
    """The queries of a training set, each once: examples that share id and text share their positives.

    Attributes:
        first: int64 [queries], the first example of each query.
        of_example: int64 [examples], the query of each example.
        positives: for each query, the rows of all its positives.
    """

    first: npt.NDArray[np.int64]
    of_example: npt.NDArray[np.int64]
    positives: Sequence[Rows]

    @classmethod
    def of(cls, training_set: TrainingSet) -> DistinctQueries:
        """Collect the distinct queries by reading the set once."""
        hashes, rows, owners = array("q"), array("I"), array("I")
        for i in range(len(training_set)):
            example = training_set[i]
            hashes.append(hash((example.query_id, example.query)))
            rows.extend(example.positives)
            owners.extend([i] * len(example.positives))
        first, of_example = distinct(np.frombuffer(hashes, np.int64))
        query_of_row = of_example[np.frombuffer(owners, np.uint32)]
        order = np.argsort(query_of_row, kind="stable")
        cuts = np.searchsorted(query_of_row[order], np.arange(1, len(first)))
        positives = np.split(np.frombuffer(rows, np.uint32)[order].astype(np.int64), cuts)
        return cls(first, of_example, [np.unique(of_query) for of_query in positives])

    def __len__(self) -> int:
        return len(self.first)


class Candidates:
    """Candidate rows of each distinct query, best first, on disk.

    Attributes:
        indptr: int64 [queries + 1].
        rows: uint32 [candidates].
        kept: bool [candidates]: those that `of` returns; all at first.
    """

    def __init__(self, path: Path, of_queries: Iterable[Rows]) -> None:
        ends = array("q", [0])
        with path.open("wb") as file:
            for rows in of_queries:
                file.write(rows.astype(np.uint32).data)
                ends.append(ends[-1] + len(rows))
        self.indptr = np.frombuffer(ends, np.int64)
        self.rows = np.asarray(np.memmap(path, np.uint32, "r")) if ends[-1] else np.empty(0, np.uint32)
        self.kept = np.ones(len(self.rows), np.bool_)

    def span(self, query: int) -> slice:
        """The slice of one query's candidates in `rows` and `kept`."""
        return slice(self.indptr[query], self.indptr[query + 1])

    def of(self, query: int) -> npt.NDArray[np.uint32]:
        """Rows of one query's kept candidates."""
        return self.rows[self.span(query)][self.kept[self.span(query)]]


def find_candidates(
    training_set: TrainingSet,
    queries: DistinctQueries,
    searchers: Sequence[CandidateSearcher],
    *,
    depth: int,
    skip_top: int,
    stages: Stages,
) -> Iterator[Rows]:
    """Find, for each distinct query, the rows among the searchers' first `depth`, best first.

    The query's positives, texts equal to one of them or to the query itself apart from case and white space, and all
    but the first of equal texts are left out. Of the rest, a text's rank is its best one in any searcher, and those of
    rank `skip_top` and better are left out.
    """
    texts = training_set.texts
    with stages("comparing texts", len(texts), "texts") as progress:
        keys = np.empty(len(texts), np.int64)
        for row in range(len(texts)):
            keys[row] = text_key(texts[row])
            progress(1)
    with stages("searching", len(queries), "queries") as progress:
        for start in range(0, len(queries), _QUERIES):
            asked = [training_set[i].query for i in queries.first[start : start + _QUERIES].tolist()]
            found = [searcher.search(asked, depth) for searcher in searchers]
            for number, (query, *lists) in enumerate(zip(asked, *found, strict=True), start):
                positives = queries.positives[number]
                forbidden = np.append(keys[positives], text_key(query))
                yield merge([_allowed(rows, positives, keys, forbidden) for rows in lists], skip_top, keys)
                progress(1)


def merge(lists: Sequence[Rows], skip_top: int, keys: npt.NDArray[np.int64]) -> Rows:
    """Merge ranked lists of rows by best rank (ties: the order of the lists).

    The first `skip_top` rows of each list are left out of all. Of rows with equal keys only the best stays."""
    rows = np.concatenate([*lists, np.empty(0, np.int64)])
    ranks = np.concatenate([np.arange(len(of_list)) for of_list in lists] or [np.empty(0, np.int64)])
    order = np.argsort(ranks, kind="stable")
    rows, ranks = rows[order], ranks[order]
    _, first = np.unique(keys[rows], return_index=True)
    first.sort()
    return rows[first][ranks[first] >= skip_top]


def text_key(text: str) -> int:
    """A key that is equal for texts that differ only in case and white space; valid in this process only."""
    return hash(" ".join(text.casefold().split()))


def _allowed(rows: Rows, positives: Rows, keys: npt.NDArray[np.int64], forbidden: npt.NDArray[np.int64]) -> Rows:
    return rows[~(np.isin(rows, positives) | np.isin(keys[rows], forbidden))]

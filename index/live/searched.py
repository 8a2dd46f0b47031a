"""Searching one segment of a snapshot."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.types import Rows, Scores
from lsr.index.engines.choose import Choice, available_engines, check_parts, engine_for
from lsr.index.engines.direct.search import score_rows
from lsr.index.engines.engine import parameters_of
from lsr.index.engines.hits import Found
from lsr.index.engines.prepared import PreparedQueries, PreparedQuery
from lsr.index.engines.queries import check_query, in_columns, in_shared_columns
from lsr.index.engines.registry import ENGINES
from lsr.index.engines.scratch import QUERY_SIZES, BorrowedScratch
from lsr.index.filters.allowed import AllowedRows
from lsr.index.parts.deleted import NAME, DeletedRows
from lsr.index.parts.documents import DocumentStore
from lsr.index.parts.ids import IdTable
from lsr.index.parts.names import NameTable
from lsr.index.parts.segment import Segment
from lsr.index.parts.term_ids import TermIds
from lsr.index.parts.terms import TermCounts
from lsr.index.parts.windows import WindowRows


class SearchedSegment:
    """A segment of files, as a snapshot searches it.

    Attributes:
        segment: its files.
        alive: bitmap of the rows that are not deleted; None if none is deleted.
        deleted: how many are deleted.
        ids: of the rows; store: the documents; windows: which document each row is a window of, or None.
        words: that it holds, numbered from 0 after the model's terms; None for none.
        by_ids: whether its columns are its term ids.
    """

    def __init__(self, segment: Segment, deleted: DeletedRows | None) -> None:
        self.segment = segment
        self._deleted = deleted
        self.alive: npt.NDArray[np.uint8] | None = None if deleted is None else deleted.alive
        self.deleted = 0 if deleted is None else deleted.count
        self.ids: IdTable = segment.part("ids")
        self.store: DocumentStore = segment.part("documents")
        self.windows: WindowRows | None = segment.part("windows") if segment.has_part("windows") else None
        self.words: NameTable | None = segment.part("words").table if segment.has_part("words") else None
        self._term_ids: TermIds | None = segment.part("term_ids") if segment.has_part("term_ids") else None
        self._shared = segment.record.shared
        self.by_ids = self._term_ids is None and self._shared is None

    def has_part(self, name: str) -> bool:
        """Whether there is a part of this name."""
        return self.segment.has_part(name)

    def part(self, name: str) -> Any:
        """The opened part: see `Segment.part`."""
        return self.segment.part(name)

    def is_deleted(self, row: int) -> bool:
        """Whether the document of a row is deleted."""
        return self.alive is not None and not self.alive[row >> 3] >> (row & 7) & 1

    @property
    def counts(self) -> TermCounts:
        """In how many rows each term of the segment is, those of deleted documents left out."""
        counts: TermCounts = self.segment.part("terms")
        deleted = self._deleted
        if deleted is None:
            return counts
        tokens = None if counts.tokens is None else _without(counts.tokens, deleted.tokens)
        return TermCounts(_without(counts.documents, deleted.terms), tokens)

    def vector(self, row: int, scale: np.float32) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Term ids of the segment, ascending, and weights as stored (quantised) of a row."""
        segment = self.segment
        position = int(segment.row_positions[row])
        terms, weights = segment.forward.vector(position, scale)
        if segment.rare_terms is not None:
            terms = segment.rare_terms.term_ids(segment.forward, np.array([position]))
            order = np.argsort(terms, kind="stable")
            return terms[order], weights[order]
        return (terms if self._term_ids is None else self._term_ids[terms]), weights

    def __len__(self) -> int:
        """Number of rows, those of deleted documents too."""
        return len(self.segment)

    @property
    def engines(self) -> tuple[str, ...]:
        """The engines that can search it."""
        return available_engines(self.segment)

    def in_columns(self, queries: PreparedQueries) -> PreparedQueries:
        """Queries by the segment's term ids, by its columns."""
        if self._shared is not None:
            return in_shared_columns(queries, self._shared)
        return queries if self._term_ids is None else in_columns(queries, self._term_ids)

    def check(self, choice: Choice) -> None:
        """InputError if it lacks a part that the engine needs."""
        check_parts(choice.engine, self.segment)

    def search(self, queries: PreparedQueries, k: int, choice: Choice, allowed: AllowedRows) -> list[Found]:
        """The best rows for each query by columns, among those that are allowed and not deleted."""
        allowed = allowed.among(self.alive)
        choice = engine_for(choice, allowed)
        with BorrowedScratch(self.segment) as scratch:
            return choice.engine.search(self.segment, queries, min(k, len(self)), allowed, scratch, choice.parameters)

    def warm_up(self, scale: np.float32, bits: int) -> None:
        """Compile (or load from the cache) every kernel that a search can run, and run it once; also for open parts."""
        self.segment.warm_up()
        rows = len(self)
        everything, nothing = AllowedRows(rows), AllowedRows.of(np.zeros(rows, np.bool_), rows)
        for name in self.engines:
            engine = ENGINES[name]
            parameters = parameters_of(engine, {})
            for size in QUERY_SIZES:
                columns = np.arange(min(size, self.segment.record.dim))
                queries = check_query(columns, np.ones(len(columns)), len(columns), scale, bits)
                with BorrowedScratch(self.segment) as scratch:
                    allowed = nothing if engine.reads_all else everything
                    engine.search(self.segment, queries, 1, allowed, scratch, parameters)

    def scores(self, query: PreparedQuery, rows: Rows) -> Scores:
        """float32 [n]: the inner products of a query by columns with these rows."""
        with BorrowedScratch(self.segment) as scratch:
            return score_rows(self.segment, query, rows, scratch)


def deleted_of(segment: Segment) -> DeletedRows | None:
    """The rows that the manifest says are deleted; None for none."""
    return segment.part(NAME) if segment.has_part(NAME) else None


def _without(counts: npt.NDArray[np.int64], deleted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    left = counts.copy()
    left[deleted[0]] -= deleted[1]
    return left

"""Searching what is in memory, as one more segment of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.search_stats import DenseStats
from lsr.core.types import Rows, Scores, Vectors
from lsr.index.engines.choose import Choice
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import PreparedQueries, PreparedQuery
from lsr.index.engines.registry import ENGINES
from lsr.index.filters.allowed import AllowedRows
from lsr.index.live.memory.state import MemoryQuery, MemoryState
from lsr.index.live.searched import SearchedSegment
from lsr.index.parts.dense.record import DenseRecord
from lsr.index.parts.dense.vectors import DenseHits
from lsr.index.parts.terms import TermCounts
from lsr.index.parts.windows import WindowRows


class SearchedMemory:
    """The memory at one moment, as a snapshot searches it: as `SearchedSegment`, exact whatever engine is asked for.

    Its term ids are the memory's columns: a model's terms by their own ids, and words by their numbers after these.
    """

    by_ids = True

    def __init__(self, state: MemoryState, model: int, windows: WindowRows | None = None) -> None:
        """`model`: the number of the model's terms; `windows`: of which documents the rows are, if they are windows."""
        self.state, self._model, self.windows = state, model, windows
        self.deleted = state.rows - state.live
        self.alive: npt.NDArray[np.uint8] | None = ~state.dead if self.deleted else None
        self.ids = _Ids(state)
        self.store = _Store(state)
        self.words = _Words(state, model)

    def __len__(self) -> int:
        """Number of rows, those of deleted documents too."""
        return self.state.rows

    @property
    def engines(self) -> tuple[str, ...]:
        """The engines that can search it: it stands in for any."""
        return tuple(ENGINES)

    def has_part(self, name: str) -> bool:
        """Whether there is what a part of this name holds."""
        return name in ("terms", "vocabulary") or (name == "dense" and self.state.dense is not None)

    def part(self, name: str) -> Any:
        """What a part of this name holds. InputError if there is none."""
        if name == "dense" and self.state.dense is not None:
            return self.dense
        if name == "terms":
            return self.counts
        wanted = ["encode the collection anew, by a dense model as well"] if name == "dense" else []
        raise InputError(f"what is in memory has no {name} part", remedies=[*wanted, "search without it"])

    def is_deleted(self, row: int) -> bool:
        """Whether the document of a row was replaced or deleted."""
        return not self.state.is_live(row)

    @cached_property
    def counts(self) -> TermCounts:
        """In how many documents each term is, of those that live."""
        terms = np.arange(self._model + len(self.words), dtype=np.int64)
        tokens = self.state.token_counts(np.arange(self._model, dtype=np.uint32)) if self.state.counts_tokens else None
        return TermCounts(self.state.column_counts(terms), tokens)

    def vector(self, row: int, scale: np.float32) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Term ids, ascending, and weights as stored (quantised) of a row."""
        return self.state.vector(row)

    def in_columns(self, queries: PreparedQueries) -> PreparedQueries:
        """Queries by the memory's term ids, which are its columns."""
        return queries

    def check(self, choice: Choice) -> None:
        """Do nothing: it stands in for any engine."""

    def search(
        self,
        queries: PreparedQueries,
        k: int,
        choice: Choice,
        allowed: AllowedRows,
        least: Sequence[float] | None = None,
    ) -> list[Found]:
        """The best rows for each query, among those that are allowed and not deleted, and score at least so much."""
        allow = allowed.bitmap if allowed.bitmap.size else None
        found: list[Found] = []
        for query, enough in zip(queries, least or repeat(0.0), strict=False):
            # Of an empty collection, no search has a row to ask for.
            asked = MemoryQuery(query.terms, query.weights)
            rows, scores = self.state.search(asked, max(k, 1), allow, least=enough)
            found.append((rows, scores, SearchStats(choice.engine.name, documents_scored=self.state.live)))
        return found

    def scores(self, query: PreparedQuery, rows: Rows) -> Scores:
        """float32 [n]: the inner products of a query with these rows."""
        return self.state.scores(MemoryQuery(query.terms, query.weights), rows)

    def warm_up(self, scale: np.float32, bits: int) -> None:
        """Run a search."""
        if len(self):
            self.state.search(MemoryQuery(np.zeros(1, np.uint32), np.ones(1, np.float32)), 1)

    @cached_property
    def dense(self) -> _Dense:
        """The dense vectors."""
        return _Dense(self.state)


@dataclass(frozen=True, slots=True)
class _Ids:
    state: MemoryState

    def find(self, id: str) -> int | None:
        return self.state.find(id)

    def id(self, row: int) -> str:
        return self.state.id(row)

    def ids(self, rows: Rows) -> list[str]:
        return [self.state.id(row) for row in rows.tolist()]


@dataclass(frozen=True, slots=True)
class _Store:
    state: MemoryState

    def document(self, row: int) -> Document:
        return self.state.document(row)

    def documents(self, first: int, last: int) -> list[Document]:
        return [self.state.document(row) for row in range(first, last)]


@dataclass(frozen=True, slots=True)
class _Words:
    """Words, numbered from 0 after the model's terms."""

    state: MemoryState
    first: int

    def __len__(self) -> int:
        return self.state.columns - self.first

    def name(self, number: int) -> str:
        return self.state.word(self.first + number)

    def find(self, name: str) -> int | None:
        column = self.state.column_of(name)
        return None if column is None else column - self.first


class _Dense:
    """Dense vectors in memory: as `lsr.index.parts.dense.vectors.Dense`, all read by every search."""

    kind = "flat"

    def __init__(self, state: MemoryState) -> None:
        assert state.dense is not None
        self._state = state
        self.record: DenseRecord = state.dense_record
        self.dim = self.record.dim
        self.vectors = state.dense.flat.reshape(-1, self.dim)

    def __len__(self) -> int:
        return self._state.rows

    def choose_mode(self, *, filtered: bool) -> str:
        return "exact"

    def prepare(self, queries: npt.ArrayLike) -> Vectors:
        return np.stack([self._state.prepare_dense(each) for each in np.atleast_2d(np.asarray(queries, np.float32))])

    def search_prepared(
        self,
        prepared: Vectors,
        k: int,
        *,
        mode: str = "auto",
        effort: int | None = None,
        allow: npt.NDArray[np.uint8] | None = None,
    ) -> list[DenseHits]:
        stats = DenseStats("exact", "flat", self._state.live)
        return [DenseHits(*self._state.search_dense(query, k, allow), stats) for query in prepared]

    def scores_prepared(self, query: Vectors, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self._state.dense_scores(query, rows)


Searched = SearchedSegment | SearchedMemory
"""What a snapshot is made of."""

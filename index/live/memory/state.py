"""What a search sees of the segment in memory: the rows that were there at one moment, whatever is written since."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.schema import Schema
from lsr.core.types import Rows, Scores, Vectors
from lsr.index.engines.direct.kernel import score_each
from lsr.index.filters.allowed import AllowedRows
from lsr.index.format.weights import dequantised
from lsr.index.kernels.inner_products import inner_products
from lsr.index.kernels.scoring import ForwardArguments, Lookup
from lsr.index.live.memory.chunks import Chunk
from lsr.index.live.memory.counts import SeenCounts
from lsr.index.live.memory.kernel import add_bounds, search_memory
from lsr.index.live.memory.tables import MemoryTables
from lsr.index.live.writes import Put
from lsr.index.parts.dense.record import DenseRecord
from lsr.index.parts.dense.vectors import prepare_vectors
from lsr.index.parts.forward import as_floats

_NO_TURNS = np.empty(0, np.int32)
_NO_TERMS = np.empty(0, np.uint32)
_MOST_SHORT_TERMS = 255
# How much a float32 sum may lose by a rounding.
_ROUNDING = 2.0**-23


class MemoryQuery(NamedTuple):
    """A query by the columns of the memory, ascending: uint32; weights: float32, times the collection's scale."""

    columns: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]


class MemoryDense(NamedTuple):
    """Dense vectors: float32 [rows * dim], row after row, and whether each row has one (uint8)."""

    flat: Vectors
    present: npt.NDArray[np.uint8]


class MemoryState:
    """The rows of the memory at one moment. May be shared by threads, and takes no lock.

    A row is a document's number in the order in which they came; a document that was replaced or deleted leaves a dead
    row, which nothing finds.

    Attributes:
        version: of the memory; rows: how many there are, dead ones too; live: how many documents there are.
        forward: the forward index, by columns of the memory.
        tokens: (indptr int64 [rows + 1], uint32): the different tokens of each row.
        dead: bitmap of rows, uint8.
        word_length: number of words of all live documents; saturated: how many of their weights are heavier than what
            the scale can say.
    """

    def __init__(
        self,
        tables: MemoryTables,
        *,
        version: int,
        columns: int,
        forward: ForwardArguments,
        chunks: tuple[Chunk, ...],
        positions: npt.NDArray[np.uint32],
        tokens: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]],
        dense: MemoryDense | None,
        dead: npt.NDArray[np.uint8],
        live: int,
        word_length: int,
        saturated: int,
    ) -> None:
        self._tables, self.version, self._columns = tables, version, columns
        self.forward, self._chunks, self._positions = forward, chunks, positions
        self.tokens, self._dense = tokens, dense
        self.dead, self.live, self.rows = dead, live, len(positions)
        self.word_length, self.saturated = word_length, saturated
        self._term_counts = SeenCounts(version, forward.forward_indptr, forward.forward_terms, dead, columns)
        self._token_counts = SeenCounts(version, *tokens, dead, tables.settings.tokens)

    def __repr__(self) -> str:
        return f"MemoryState({self.live:,} documents in {self.rows:,} rows)"

    @property
    def schema(self) -> Schema | None:
        """The declared types of documents' fields; None if they are inferred."""
        return self._tables.settings.schema

    # -- documents ---------------------------------------------------------------------------------------------------

    def find(self, id: str) -> int | None:
        """The row of the document of this id; None if there is none."""
        row = self._tables.latest.get(id, -1)
        while row >= self.rows:
            row = self._tables.earlier[row]
        return row if row >= 0 and self.is_live(row) else None

    def is_live(self, row: int) -> bool:
        """Whether the document of a row was neither replaced nor deleted."""
        return not (self.dead[row >> 3] >> (row & 7)) & 1

    @property
    def columns(self) -> int:
        """How many columns there are: the model's terms, then words."""
        return self._columns

    @property
    def dense(self) -> MemoryDense | None:
        """The dense vectors; None if documents have none."""
        return self._dense

    @property
    def dense_record(self) -> DenseRecord:
        """What the dense vectors are."""
        record = self._tables.settings.dense
        assert record is not None
        return record

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens are counted."""
        return self._tables.settings.tokens > 0

    def word(self, column: int) -> str:
        """The word of a column."""
        return self._tables.columns.word(column)

    def column_of(self, word: str) -> int | None:
        """The column of a word; None if no row holds it."""
        (column,) = self._tables.columns.find(_NO_TERMS, [word], self._columns).tolist()
        return None if column < 0 else column

    def live_rows(self) -> Rows:
        """The rows of all documents, ascending: int64 [live]."""
        return np.flatnonzero(np.unpackbits(self.dead, count=self.rows, bitorder="little") == 0)

    def id(self, row: int) -> str:
        """The id of a row."""
        return self._tables.documents[row].id

    def document(self, row: int) -> Document:
        """The document of a row, which nobody may change."""
        return self._tables.documents[row]

    def put(self, row: int) -> Put:
        """What was put as this row, its weights as they are stored: quantised again, they are the same bytes.

        The dense vector as it is searched: truncated and, for cosine, of length one.
        """
        forward = self.forward
        first, last = forward.forward_indptr[row : row + 2].tolist()
        deficits = None if forward.forward_deficits is None else forward.forward_deficits[first:last]
        weights = dequantised(forward.forward_weights[first:last], deficits, self._tables.settings.scale)
        terms, is_term, words = self._tables.columns.split(forward.forward_terms[first:last])
        order = np.argsort(terms)
        indptr, tokens = self.tokens
        dense = None
        if self._dense is not None and self._dense.present[row]:
            dim = len(self._dense.flat) // self.rows
            dense = self._dense.flat[row * dim : (row + 1) * dim]
        return Put(
            self.document(row),
            terms[order],
            weights[is_term][order],
            words,
            weights[~is_term],
            tokens[indptr[row] : indptr[row + 1]],
            self._tables.lengths[row],
            dense,
        )

    def vector(self, row: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """The columns of a row, ascending, and its weights as they are stored."""
        first, last = self.forward.forward_indptr[row : row + 2].tolist()
        deficits = self.forward.forward_deficits
        kept = None if deficits is None else deficits[first:last]
        weights = as_floats(self.forward.forward_weights[first:last], kept, np.float32(self._tables.settings.scale))
        return self.forward.forward_terms[first:last].copy(), weights

    # -- search ------------------------------------------------------------------------------------------------------

    def prepare(
        self,
        terms: npt.NDArray[np.uint32],
        weights: npt.NDArray[np.float32],
        words: Sequence[str] = (),
        word_weights: npt.NDArray[np.float32] | None = None,
    ) -> MemoryQuery:
        """A query by columns. Terms, each once, and words, and their weights as searches of segments take them.

        That is, as `lsr.index.engines.queries.check_query` makes them of all together: times the scale, and rounded.
        What is in no document is left out.
        """
        columns = self._tables.columns.find(terms, words, self._columns)
        if words:
            assert word_weights is not None
            weights = np.concatenate([weights, word_weights])
        order = np.argsort(columns, kind="stable")[np.count_nonzero(columns < 0) :]
        return MemoryQuery(columns[order].astype(np.uint32), np.ascontiguousarray(weights[order], np.float32))

    def search(
        self, query: MemoryQuery, k: int, allow: npt.NDArray[Any] | None = None, *, least: float = 0.0
    ) -> tuple[Rows, Scores]:
        """The k best rows and their scores, best first, equal ones by id (its bytes in UTF-8).

        Args:
            query: what `prepare` returned.
            k: at least 1.
            allow: bool [rows], or packed; dead rows are never found.
            least: rows that score less are not wanted. None of a score of 0 is.

        InputError for a k below 1 or a filter of another length.
        """
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        if not self.live or not len(query.columns):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        k = min(k, self.rows)
        sums = np.zeros(self.rows, np.float32)
        for chunk in self._chunks:
            add_bounds(
                chunk.columns,
                chunk.starts,
                chunk.rows,
                chunk.weights,
                query.columns,
                query.weights,
                sums[chunk.first : chunk.last],
            )
        scores, rows = np.empty(self.rows, np.float32), np.empty(self.rows, np.int64)
        with self._lookup(len(query.columns)) as lookup:
            found = search_memory(
                *self.forward,
                terms=query.columns,
                term_turns=_NO_TURNS,
                term_weights=query.weights,
                allow=self._allowed(allow),
                tail=self._chunks[-1].last if self._chunks else 0,
                slack=np.float32(1 + (len(query.columns) + 2) * _ROUNDING),
                least=np.float32(least),
                lookup=lookup,
                sums=sums,
                heap_scores=np.empty(2 * k, np.float32),
                heap_rows=np.empty(2 * k, np.int64),
                scores=scores,
                rows=rows,
            )
        return self._best(rows[:found], scores[:found], k)

    def scores(self, query: MemoryQuery, rows: Rows) -> Scores:
        """The scores of these rows, in order: float32 [n]."""
        scores = np.empty(len(rows), np.float32)
        with self._lookup(len(query.columns)) as lookup:
            score_each(
                *self.forward,
                row_positions=self._positions,
                terms=query.columns,
                term_turns=_NO_TURNS,
                term_weights=query.weights,
                rows=np.ascontiguousarray(rows, np.int64),
                lookup=lookup,
                scores=scores,
            )
        return scores

    def search_dense(self, query: Vectors, k: int, allow: npt.NDArray[Any] | None = None) -> tuple[Rows, Scores]:
        """The k rows whose vectors have the largest inner product with a query, best first, equal ones by id.

        `query`: as `prepare_dense` returned it; `allow`: as for `search`. Rows without a vector are not found.
        """
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        if self._dense is None:
            raise InputError("there are no dense vectors")
        bitmap = self._allowed(allow)
        wanted = self._dense.present.astype(np.bool_)
        if len(bitmap):
            wanted &= np.unpackbits(bitmap, count=self.rows, bitorder="little").astype(np.bool_)
        rows = np.flatnonzero(wanted)
        return self._best(rows, self.dense_scores(query, rows), k)

    def prepare_dense(self, query: npt.ArrayLike) -> Vectors:
        """A query vector in search form: float32 [dim], truncated and, for cosine, of length one."""
        record = self._tables.settings.dense
        given = np.asarray(query, np.float32)
        if record is None or given.ndim != 1 or len(given) not in (record.dim, record.full_dim):
            raise InputError(f"a query vector of shape {given.shape} does not fit")
        prepared, bad = prepare_vectors(given[None], record)
        if bad >= 0:
            raise InputError("a query vector has values that are not finite")
        return prepared[0]

    def dense_scores(self, query: Vectors, rows: Rows) -> Scores:
        """Inner products of a prepared query with the vectors of these rows: float32 [n]; 0 where there is none."""
        if self._dense is None:
            raise InputError("there are no dense vectors")
        scores = np.empty(len(rows), np.float32)
        inner_products(self._dense.flat, query, np.ascontiguousarray(rows, np.int64), scores)
        return scores

    # -- counts ------------------------------------------------------------------------------------------------------

    def document_counts(self, terms: npt.NDArray[np.uint32], words: Sequence[str] = ()) -> npt.NDArray[np.int64]:
        """How many documents hold each of these terms, then words: int64."""
        columns = self._tables.columns.find(terms, words, self._columns)
        found = np.zeros(len(columns), np.int64)
        known = columns >= 0
        found[known] = self.column_counts(columns[known])
        return found

    def column_counts(self, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How many documents hold what each of these columns stands for: int64."""
        return self._term_counts.of(columns, self._tables, self._tables.term_counts)

    def token_counts(self, tokens: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """How many documents hold each of these tokens: int64."""
        return self._token_counts.of(tokens.astype(np.int64), self._tables, self._tables.token_counts)

    # -- parts of a search -------------------------------------------------------------------------------------------

    @cached_property
    def _live(self) -> npt.NDArray[np.uint8]:
        """Bitmap of live rows; empty if all are."""
        return np.empty(0, np.uint8) if self.live == self.rows else ~self.dead

    def _allowed(self, allow: npt.NDArray[Any] | None) -> npt.NDArray[np.uint8]:
        if allow is None:
            return self._live
        bitmap = AllowedRows.of(allow, self.rows).bitmap
        return bitmap & self._live if len(self._live) else bitmap

    def _best(self, rows: Rows, scores: Scores, k: int) -> tuple[Rows, Scores]:
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        if len(order) > k:
            order = order[: np.searchsorted(-ranked, -ranked[k - 1], side="right")]
            ranked = scores[order]
        for start, stop in _equal_runs(ranked):
            # Code points ascend as their bytes in UTF-8 do.
            order[start:stop] = sorted(order[start:stop].tolist(), key=lambda place: self.id(int(rows[place])))
        return rows[order[:k]], scores[order[:k]]

    def _lookup(self, terms: int) -> _BorrowedLookup:
        idle = self._tables.idle
        return _BorrowedLookup(idle if terms <= _MOST_SHORT_TERMS else self._tables.idle_wide, self._columns, terms)


def _equal_runs(ranked: Scores) -> list[tuple[int, int]]:
    """Where equal scores stand side by side, as (first, after the last)."""
    if not (ranked[1:] == ranked[:-1]).any():
        return []
    bounds = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1], [True]]))
    long = np.flatnonzero(np.diff(bounds) > 1)
    return list(zip(bounds[long].tolist(), bounds[long + 1].tolist(), strict=True))


class _BorrowedLookup:
    """An empty lookup for the kernels, given back unless the search failed. See `lsr.index.kernels.scoring`."""

    __slots__ = ("_columns", "_idle", "_lookup", "_terms")

    def __init__(self, idle: deque[Lookup], columns: int, terms: int) -> None:
        self._idle, self._columns, self._terms = idle, columns, terms

    def __enter__(self) -> Lookup:
        try:
            found = self._idle.pop()
        except IndexError:
            found = None
        # One more place than columns: what is not asked for is looked up there.
        if found is None or len(found[0]) <= self._columns or len(found[1]) <= self._terms:
            wide = self._terms > _MOST_SHORT_TERMS
            places = np.zeros(self._columns + self._columns // 4 + 2, np.uint32 if wide else np.uint8)
            terms = self._terms if wide else _MOST_SHORT_TERMS
            found = places, np.zeros(terms + 1, np.float64), np.zeros(2, np.uint32)
        self._lookup = found
        return found

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._idle.append(self._lookup)

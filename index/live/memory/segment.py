"""The segment in memory: takes writes, one batch after another, and shows each as a new state."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from lsr.core.errors import InputError, LsrError
from lsr.index.format.postings import deficit_dtype
from lsr.index.format.weights import quantise
from lsr.index.kernels.scoring import ForwardArguments
from lsr.index.live.memory.chunks import Chunk, with_rows
from lsr.index.live.memory.growing import Growing
from lsr.index.live.memory.state import MemoryDense, MemoryState
from lsr.index.live.memory.tables import MemorySettings, MemoryTables
from lsr.index.live.writes import Delete, Put, Write
from lsr.index.parts.dense.record import DenseRecord
from lsr.index.parts.dense.vectors import prepare_vectors

# Read-only, as arrays of files are, so that kernels are compiled for one type.
_NO_OFFSETS, _NO_TURNS = np.zeros(2, np.int64), np.empty(0, np.uint16)
_NO_OFFSETS.flags.writeable = _NO_TURNS.flags.writeable = False


class Applied:
    """What became of a batch: how many documents were replaced and deleted; the ids of the new, and of those missing.

    `missing` were not there to be deleted.
    """

    __slots__ = ("deleted", "missing", "new", "replaced")

    def __init__(self) -> None:
        self.replaced = self.deleted = 0
        self.new: list[str] = []
        self.missing: list[str] = []

    @property
    def added(self) -> int:
        """How many documents were new."""
        return len(self.new)

    def __repr__(self) -> str:
        return f"Applied(added={self.added}, replaced={self.replaced}, deleted={self.deleted}, missing={self.missing})"


class MemorySegment:
    """Documents in memory, in the order in which they came: `apply` takes writes, `state` is what there is.

    Searches of a state run beside `apply` and take no lock: arrays only grow, small tables are copied.

    Attributes:
        settings: what the collection has fixed.
        state: the latest.
    """

    def __init__(self, settings: MemorySettings) -> None:
        self.settings = settings
        self._tables = MemoryTables(settings)
        self._deficit_dtype = deficit_dtype(settings.bits)
        self._indptr, self._terms, self._weights = Growing(np.int64), Growing(np.uint32), Growing(np.uint8)
        self._deficits = None if self._deficit_dtype is None else Growing(self._deficit_dtype)
        self._token_indptr, self._tokens = Growing(np.int64), Growing(np.uint32)
        self._positions, self._above = Growing(np.uint32), Growing(np.uint32)
        self._vectors, self._present = Growing(np.float32), Growing(np.uint8)
        for indptr in (self._indptr, self._token_indptr):
            indptr.append(np.zeros(1, np.int64))
        self._dead = np.zeros(1, np.uint8)
        self._chunks: tuple[Chunk, ...] = ()
        self._live = self._word_length = self._saturated = self._text = 0
        self._writing = threading.Lock()
        self.state = self._new_state()

    def __repr__(self) -> str:
        return repr(self.state).replace("State", "Segment", 1)

    @property
    def nbytes(self) -> int:
        """About how many bytes of memory the documents take."""
        arrays = (self._indptr, self._terms, self._weights, self._tokens, self._positions, self._vectors)
        chunks = sum(chunk.rows.nbytes + chunk.weights.nbytes + chunk.starts.nbytes for chunk in self._chunks)
        deficits = 0 if self._deficits is None else self._deficits.nbytes
        return sum(array.nbytes for array in arrays) + deficits + chunks + 2 * self._text

    def check(self, write: Write) -> None:
        """InputError, which names the document, for one that does not fit this collection.

        `lsr.index.live.writes.check_write` says whether it is one at all.
        """
        if isinstance(write, Delete):
            return
        settings, id = self.settings, write.id
        if len(write.terms) and write.terms[-1] >= settings.dim:
            raise InputError(
                f"document {id!r}: term id {write.terms[-1]} is outside the vocabulary of {settings.dim:,} terms"
            )
        if len(write.tokens) and settings.tokens and write.tokens[-1] >= settings.tokens:
            raise InputError(f"document {id!r}: token id {write.tokens[-1]} is outside {settings.tokens:,} tokens")
        if write.dense is not None:
            record = settings.dense
            if record is None:
                raise InputError(f"document {id!r}: the collection has no dense vectors", field="dense")
            if len(write.dense) not in (record.dim, record.full_dim):
                raise InputError(
                    f"document {id!r}: a vector of {len(write.dense)} numbers, not {record.full_dim}", field="dense"
                )

    def apply(self, writes: Sequence[Write]) -> Applied:
        """Apply writes in their order, all of them or none, and show the new state.

        They passed `check_write` before; InputError if one does not pass `check`.
        """
        for write in writes:
            self.check(write)
        with self._writing:
            if self._tables.version % 2:
                raise LsrError("the memory is not whole after an error", remedies=["open the collection again"])
            applied = Applied()
            # Odd from here on, also after an error: what readers had seen stays, and nothing more is taken.
            self._tables.version += 1
            gone = self._list(writes, applied)
            self._append([write for write in writes if isinstance(write, Put)])
            self._bury(gone)
            self._tables.version += 1
            self.state = self._new_state()
        return applied

    def _list(self, writes: Sequence[Write], applied: Applied) -> list[int]:
        """Give the documents their rows; return the rows that are dead by them."""
        gone: list[int] = []
        buried: set[int] = set()
        row = len(self._tables.documents)

        def is_live(place: int) -> bool:
            if place < 0 or place in buried:
                return False
            # Those of this batch are not listed yet.
            return place >= len(self._tables.documents) or not (self._dead[place >> 3] >> (place & 7)) & 1

        documents = []
        for write in writes:
            before = self._tables.latest.get(write.id, -1)
            alive = is_live(before)
            if alive:
                gone.append(before)
                buried.add(before)
            if isinstance(write, Delete):
                applied.deleted += alive
                if not alive:
                    applied.missing.append(write.id)
                continue
            applied.replaced += alive
            if not alive:
                applied.new.append(write.id)
            documents.append(write.document)
            self._tables.lengths.append(write.length)
            self._tables.earlier.append(before)
            self._text += write.document.size
            self._tables.latest[write.id] = row
            row += 1
        self._tables.documents += documents
        return gone

    def _append(self, puts: list[Put]) -> None:
        """Append what the documents hold to the arrays."""
        if not puts:
            return
        settings = self.settings
        rows, weights = [], []
        for put in puts:
            columns = self._tables.columns.add(put.terms, put.words)
            values = np.concatenate([put.weights, put.word_weights]) if len(put.words) else put.weights
            if len(put.words) or not self._tables.columns.plain:
                order = np.argsort(columns)
                columns, values = columns[order], values[order]
            rows.append(columns)
            weights.append(values)
        columns = np.concatenate(rows)
        made = quantise(np.concatenate(weights), settings.scale, self._deficit_dtype)
        ends = np.cumsum([len(each) for each in rows])
        above = np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(made.above)])[np.concatenate([[0], ends])])
        self._terms.append(columns)
        self._weights.append(made.coarse)
        if self._deficits is not None and made.deficits is not None:
            self._deficits.append(made.deficits)
        self._indptr.append(self._indptr.view()[-1] + ends)
        self._above.append(above)
        first = self._positions.length
        self._positions.append(np.arange(first, first + len(puts)))
        self._tables.term_counts.add(columns, 1, len(self._tables.columns))
        if settings.tokens:
            tokens = np.concatenate([put.tokens for put in puts])
            self._tokens.append(tokens)
            self._tables.token_counts.add(tokens, 1, settings.tokens)
        token_ends = np.cumsum([len(put.tokens) * bool(settings.tokens) for put in puts])
        self._token_indptr.append(self._token_indptr.view()[-1] + token_ends)
        if settings.dense is not None:
            self._append_vectors(puts, settings.dense)
        self._live += len(puts)
        self._word_length += sum(put.length for put in puts)
        self._saturated += int(above.sum())
        indptr = self._indptr.view()
        self._chunks = with_rows(
            self._chunks, indptr, self._terms.view(), self._weights.view(), len(self._tables.columns)
        )

    def _append_vectors(self, puts: list[Put], record: DenseRecord) -> None:
        given = np.zeros((len(puts), record.dim), np.float32)
        for place, put in enumerate(puts):
            if put.dense is not None:
                # One by one: they may be of either length. `check_write` saw that their numbers are finite.
                prepared, _ = prepare_vectors(put.dense[None], record)
                given[place] = prepared[0]
        self._vectors.append(given.ravel())
        self._present.append(np.array([put.dense is not None for put in puts], np.uint8))

    def _bury(self, gone: list[int]) -> None:
        """Mark rows as dead, and take them out of the counts. States that are in use keep their bitmap."""
        length = (len(self._tables.documents) + 7) // 8
        if not gone and length <= len(self._dead):
            return
        dead = np.zeros(max(length, len(self._dead)), np.uint8)
        if length > len(self._dead):
            # Room for more, so that not every batch copies it.
            dead = np.zeros(2 * length, np.uint8)
        dead[: len(self._dead)] = self._dead
        indptr, terms, token_indptr, tokens = (
            self._indptr.view(),
            self._terms.view(),
            self._token_indptr.view(),
            self._tokens.view(),
        )
        for row in gone:
            dead[row >> 3] |= np.uint8(1 << (row & 7))
            self._live -= 1
            self._word_length -= self._tables.lengths[row]
            self._saturated -= int(self._above.view()[row])
            self._tables.term_counts.add(terms[indptr[row] : indptr[row + 1]], -1, 0)
            if self.settings.tokens:
                self._tables.token_counts.add(tokens[token_indptr[row] : token_indptr[row + 1]], -1, 0)
        self._dead = dead

    def _new_state(self) -> MemoryState:
        rows = len(self._tables.documents)
        dense = None
        if self.settings.dense is not None:
            dense = MemoryDense(self._vectors.view(), self._present.view())
        dead = self._dead[: (rows + 7) // 8]
        dead.flags.writeable = False
        forward = ForwardArguments(
            forward_indptr=self._indptr.view(),
            forward_terms=self._terms.view(),
            forward_weights=self._weights.view(),
            forward_deficits=None if self._deficits is None else self._deficits.view(),
            forward_rare_indptr=_NO_OFFSETS,
            forward_rare_turns=_NO_TURNS,
        )
        return MemoryState(
            self._tables,
            version=self._tables.version,
            columns=len(self._tables.columns),
            forward=forward,
            chunks=self._chunks,
            positions=self._positions.view(),
            tokens=(self._token_indptr.view(), self._tokens.view()),
            dense=dense,
            dead=dead,
            live=self._live,
            word_length=self._word_length,
            saturated=self._saturated,
        )

"""Dense vectors: stored by row, and searched for the nearest."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import count, kind_of
from lsr.core.arrays import numbers, row_numbers
from lsr.core.errors import IndexFormatError, InputError, NotFoundError
from lsr.core.search_stats import DenseStats
from lsr.core.types import Vectors
from lsr.index.format.arrays import open_array, plain
from lsr.index.format.records import FileRecord, PartRecord
from lsr.index.kernels.inner_products import inner_products
from lsr.index.kernels.normalise_rows import prepare_rows
from lsr.index.parts.dense.ann import Ann, nearest
from lsr.index.parts.dense.record import ANN_NAME, VECTORS_NAME, DenseRecord

MODES = ("auto", "exact", "approximate")

# Fetched beyond k, and scored again: how faiss rounds a sum, or quantises, must not decide which are the best. For 8
# bits a number the margin is enough; product quantisation is far coarser, and this many times k are scored.
_MARGIN = 32
_REFINED = {"pq": 10, "ivfpq": 10}
# Products of vectors of length one that are closer than this may be equal, differently summed.
_ROUNDING = 1e-5
# A filter that allows fewer than one document in so many is answered by scoring only these.
_FEW = 20


class DenseHits(NamedTuple):
    """The nearest documents, best first, ties in row order: rows int64 [n], inner products float32 [n], stats."""

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    stats: DenseStats


class Dense:
    """The dense vectors of an index, mapped from disk. Safe to use from several threads.

    Scores come only from the stored vectors, however candidates were found: a document has the same score everywhere,
        to the bit.

    Attributes:
        folder: of the files.
        record: see `DenseRecord`.
        vectors: float32 [documents, dim], by row; flat: the same in one dimension.
    """

    def __init__(self, folder: Path, record: DenseRecord, documents: int, files: Mapping[str, FileRecord]) -> None:
        """`files`: sizes and checksums, by name. IndexFormatError names a file that is not as recorded."""
        self.record = record
        self._files = files
        self.flat = open_array(folder / VECTORS_NAME, np.float32, documents * record.dim)
        self.vectors = self.flat.reshape(documents, record.dim)
        self.folder = folder
        self._ann: Ann | None = None
        self._opening = threading.Lock()

    def __repr__(self) -> str:
        return f"Dense({len(self):,} vectors of {self.dim}, {self.kind}, {self.record.similarity})"

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.record.dim

    @property
    def kind(self) -> str:
        """The kind of the faiss structure, or "flat"."""
        return self.record.kind

    def _opened_ann(self) -> Ann:
        """The faiss structure, read from disk on first use."""
        with self._opening:
            if self._ann is None:
                self._ann = self.read_ann()
            return self._ann

    def read_ann(self) -> Ann:
        """What finds the nearest vectors, of a kind other than flat. IndexFormatError if its file is damaged."""
        if ANN_NAME not in self._files:
            raise IndexFormatError(f"{self.folder / ANN_NAME}: missing")
        return Ann(self.folder / ANN_NAME, self.kind, len(self), self.dim, self._files[ANN_NAME].crc32)

    def choose_mode(self, *, filtered: bool) -> str:
        """The mode that "auto" stands for: exact if all vectors are read anyway, or if a filter is set."""
        return "exact" if self.kind == "flat" or filtered else "approximate"

    def search(
        self,
        query: npt.ArrayLike,
        k: int = 10,
        *,
        mode: str = "auto",
        effort: int | None = None,
        allow: npt.NDArray[np.uint8] | None = None,
    ) -> DenseHits:
        """The k documents whose vectors have the largest inner product with the query (cosine, for cosine models).

        Args:
            query: [dim], or longer if vectors were truncated.
            mode: "exact" reads every vector, "approximate" uses faiss's structure, for "auto" see `choose_mode`.
            effort: of approximate search: see `lsr.index.parts.dense.ann.Ann.candidates`.
            allow: bitmap of rows (uint8, least significant bit first).

        InputError for a query of another length or with values that are not finite, or for an unknown mode.
        """
        return self.search_batch(numbers(query, "a query vector")[None], k, mode=mode, effort=effort, allow=allow)[0]

    def search_batch(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        mode: str = "auto",
        effort: int | None = None,
        allow: npt.NDArray[np.uint8] | None = None,
    ) -> list[DenseHits]:
        """As `search`, for [queries, dim]."""
        return self.search_prepared(self.prepare(queries), k, mode=mode, effort=effort, allow=allow)

    def search_prepared(
        self,
        prepared: Vectors,
        k: int,
        *,
        mode: str = "auto",
        effort: int | None = None,
        allow: npt.NDArray[np.uint8] | None = None,
    ) -> list[DenseHits]:
        """As `search_batch`, for what `prepare` returned."""
        _check_prepared(prepared, 2)
        k = min(count(k), len(self))
        if not isinstance(mode, str) or mode not in MODES:
            raise InputError(f"the mode of dense search must be {', '.join(MODES)}, not {mode!r}")
        effort = None if effort is None else count(effort, "effort")
        if allow is not None:
            allow = self._bitmap(allow)
            allowed = int(np.bitwise_count(allow).sum())
            if allowed * _FEW < len(self):
                rows = np.flatnonzero(np.unpackbits(allow, count=len(self), bitorder="little"))
                stats = DenseStats("exact", "flat", len(rows), direct=True)
                return [self._best(query, rows, k, stats) for query in prepared]
            k = min(k, allowed)
        chosen = self.choose_mode(filtered=allow is not None) if mode == "auto" else mode
        # faiss's plain product quantiser takes no filter.
        if chosen == "exact" or self.kind == "flat" or (self.kind == "pq" and allow is not None):
            return self._search_exact(prepared, k, allow)
        wanted = min(len(self), _REFINED.get(self.kind, 1) * k + _MARGIN)
        found = self._opened_ann().candidates(prepared, wanted, allow, effort)
        return [
            self._best(query, rows, k, DenseStats("approximate", self.kind, len(rows)))
            for query, rows in zip(prepared, found, strict=True)
        ]

    def scores(self, query: npt.ArrayLike, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Inner products of the query with the vectors of these rows: float32 [n]."""
        return self.scores_prepared(self.prepare(numbers(query, "a query vector")[None])[0], row_numbers(rows))

    def scores_prepared(self, query: Vectors, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """As `scores`, for a row of what `prepare` returned."""
        _check_prepared(query, 1)
        rows = row_numbers(rows)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise NotFoundError(f"rows must lie in 0 … {len(self) - 1:,}")
        scores = np.empty(len(rows), np.float32)
        inner_products(self.flat, query, np.ascontiguousarray(rows), scores)
        return scores

    def warm_up(self) -> None:
        """Load what a search needs, and run one."""
        self.search(np.ones(self.dim, np.float32), 1)

    def prepare(self, queries: npt.ArrayLike) -> Vectors:
        """Put queries into search form: float32 [queries, dim], truncated and, for cosine, of length one."""
        given = np.atleast_2d(numbers(queries, "query vectors"))
        full = self.record.full_dim
        if given.ndim != 2 or given.shape[1] not in (self.dim, full):
            expected = f"{self.dim}" if full == self.dim else f"{self.dim} or {full}"
            raise InputError(f"query vectors for this index have length {expected}, not {given.shape[-1]}")
        prepared, bad = prepare_vectors(given, self.record)
        if bad >= 0:
            raise InputError("a query vector has values that are not finite")
        return prepared

    def _bitmap(self, allow: Any) -> npt.NDArray[np.uint8]:
        needed = (len(self) + 7) // 8
        if not isinstance(allow, np.ndarray) or allow.dtype != np.uint8 or allow.shape != (needed,):
            raise InputError(f"allow must be {needed:,} packed bytes (uint8), not {kind_of(allow)}")
        return allow

    def _search_exact(self, queries: Vectors, k: int, allow: npt.NDArray[np.uint8] | None) -> list[DenseHits]:
        hits: list[DenseHits | None] = [None] * len(queries)
        open_, wanted = np.arange(len(queries)), min(len(self), k + _MARGIN)
        while len(open_):
            products, rows = nearest(self.vectors, queries[open_], wanted, allow)
            unsure = []
            for query, found, values in zip(open_.tolist(), rows, products, strict=True):
                held = found >= 0
                best = self._best(queries[query], found[held], k, DenseStats("exact", "flat", int(held.sum())))
                # Others may be as good as the k-th, with a lower row, unless the last candidate is clearly worse.
                complete = wanted == len(self) or not held.all() or not len(best.scores)
                scale = max(1.0, float(np.abs(values[held]).max(initial=0)))
                if complete or best.scores[-1] - values[-1] > _ROUNDING * scale:
                    hits[query] = best
                else:
                    unsure.append(query)
            open_, wanted = np.array(unsure, np.int64), min(len(self), 4 * wanted)
        return [hit for hit in hits if hit is not None]

    def _best(self, query: Vectors, rows: npt.NDArray[np.int64], k: int, stats: DenseStats) -> DenseHits:
        scores = self.scores_prepared(query, rows)
        if not np.isfinite(scores).all():
            raise IndexFormatError(
                f"{self.folder / VECTORS_NAME}: a number is not finite, or too large",
                remedies=["add the dense part again"],
            )
        order = np.lexsort((rows, -scores))[:k]
        return DenseHits(rows[order], scores[order], stats)


def prepare_vectors(vectors: Vectors, record: DenseRecord) -> tuple[Vectors, int]:
    """Truncate vectors [n, dim or full_dim] and, for cosine, scale them to length one; zero vectors stay zero.

    Also returns the first row with a value that is not finite, at which preparation stopped, or -1.
    """
    prepared = np.empty((len(vectors), record.dim), np.float32)
    return prepared, prepare_rows(plain(vectors), record.similarity == "cosine", prepared)


def open_dense(folder: Path, record: PartRecord, documents: int) -> Dense:
    """IndexFormatError if the record or a file is not as it should be."""
    try:
        read = DenseRecord.from_record(record.record)
    except InputError as error:
        raise IndexFormatError(f"{folder}: the record of the dense part is not readable ({error})") from error
    return Dense(folder, read, documents, record.files)


def _check_prepared(vectors: Any, dimensions: int) -> None:
    if not isinstance(vectors, np.ndarray) or vectors.dtype != np.float32 or vectors.ndim != dimensions:
        raise InputError(f"what is prepared comes from `prepare`, not {kind_of(vectors)}")

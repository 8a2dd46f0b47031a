"""Searching the sparse vectors of a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import count, kind_of
from lsr.core.errors import InputError
from lsr.core.executor import executor
from lsr.core.options import beneath
from lsr.core.types import Scores
from lsr.index.engines.choose import Choice, available_engines, check_parts, choose_engine, choose_mode, engine_for
from lsr.index.engines.direct.search import score_rows
from lsr.index.engines.engine import parameters_of
from lsr.index.engines.hits import Hits
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.queries import check_queries, check_query, in_columns, in_shared_columns
from lsr.index.engines.registry import ENGINES
from lsr.index.engines.scratch import QUERY_SIZES, BorrowedScratch
from lsr.index.engines.tuning import Tuning
from lsr.index.filters.allowed import AllowedRows
from lsr.index.format.manifest import Manifest
from lsr.index.live.documents import Documents
from lsr.index.live.rows import RowNumbers
from lsr.index.parts.segment import Segment
from lsr.index.parts.term_ids import TermIds
from lsr.vectors.pruning import Pruning
from lsr.vectors.sparse import SparseVectors

# A thread takes at most this many queries at a time, which ask for at most this many hits together.
_BATCH_QUERIES = 32
_BATCH_HITS = 1 << 18


def check_done(manifest: Manifest) -> tuple[Tuning, ...]:
    """What tuning found, once this and what pruning did are held to their types. InputError names a wrong value."""
    with beneath("prunings"):
        for record in manifest.prunings:
            Pruning.from_record(record)
    with beneath("tunings"):
        return tuple(Tuning.from_record(record) for record in manifest.tunings)


class SparseSearch:
    """Search of an index's sparse vectors: what `Index.search`, and the fusion with dense vectors, run on.

    Attributes:
        tunings: what tuning found for this index.
    """

    def __init__(self, manifest: Manifest, segments: Sequence[Segment], rows: RowNumbers, documents: Documents) -> None:
        (self._segment,) = segments
        self._segments, self._rows, self._count = segments, rows, len(rows)
        self._ids_of = documents.row_ids
        self._dim = manifest.dim
        self._term_ids: TermIds | None = self._segment.part("term_ids") if self._segment.has_part("term_ids") else None
        self._shared = self._segment.record.shared
        self._words_alone = self._segment.record.words == self._segment.record.terms
        self._scale, self._weight_bits = np.float32(manifest.weight_scale), self._segment.record.settings.weight_bits
        self.tunings = check_done(manifest)

    def __repr__(self) -> str:
        return f"SparseSearch({self._count:,} rows, modes {', '.join(self.modes)})"

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes in which this index can be searched, without "auto"."""
        return tuple(name for name in available_engines(self._segment) if ENGINES[name].by_name)

    def choose_mode(self, k: int, *, filtered: bool) -> str:
        """The mode that "auto" stands for: see `lsr.index.engines.choose.choose_mode`."""
        return choose_mode(self._count, k, filtered=filtered, words_alone=self._words_alone)

    def prepare(self, terms: npt.ArrayLike, weights: npt.ArrayLike) -> PreparedQueries:
        """A checked query, as searched with: terms (or their columns) ascending, weights times the index's scale.

        Raises as `Index.search`.
        """
        return self._in_columns(check_query(terms, weights, self._dim, self._scale, self._weight_bits))

    def _in_columns(self, prepared: PreparedQueries) -> PreparedQueries:
        if self._shared is not None:
            return in_shared_columns(prepared, self._shared)
        return prepared if self._term_ids is None else in_columns(prepared, self._term_ids)

    def search_prepared(
        self,
        prepared: PreparedQueries,
        k: int = 10,
        *,
        mode: str = "auto",
        recall: float | None = None,
        allow: npt.NDArray[Any] | None = None,
        **parameters: Any,
    ) -> Hits:
        """As `Index.search`, for what `prepare` returned."""
        allowed = AllowedRows.of(allow, self._count)
        return self._search(prepared, k, self._choose(mode, parameters, k, allowed, recall), allowed)[0]

    def search_batch(
        self,
        queries: SparseVectors,
        k: int = 10,
        *,
        mode: str = "auto",
        threads: int | None = None,
        recall: float | None = None,
        allow: npt.NDArray[Any] | None = None,
        progress: Callable[[int], None] | None = None,
        **parameters: Any,
    ) -> list[Hits]:
        """See `Index.search_batch`."""
        if not isinstance(queries, SparseVectors):
            raise InputError(f"a batch of queries is SparseVectors, not {kind_of(queries)}")
        if queries.dim != self._dim:
            raise InputError(f"the index has {self._dim:,} terms, but these queries have {queries.dim:,}")
        allowed = AllowedRows.of(allow, self._count)
        choice = self._choose(mode, parameters, k, allowed, recall)
        most = max(1, min(_BATCH_QUERIES, _BATCH_HITS // max(min(k, self._count), 1)))

        def search_part(start: int) -> list[Hits]:
            last = min(start + most, len(queries))
            prepared = check_queries(queries, start, last, self._scale, self._weight_bits)
            return self._search(self._in_columns(prepared), k, choice, allowed)

        hits: list[Hits] = []
        with executor(threads) as workers:
            for part in workers.map(search_part, range(0, len(queries), most)):
                hits += part
                if progress is not None:
                    progress(len(part))
        return hits

    def scores(self, terms: npt.ArrayLike, weights: npt.ArrayLike, rows: npt.ArrayLike) -> Scores:
        """See `Index.scores`."""
        query = next(iter(self.prepare(terms, weights)))
        try:
            wanted = np.asarray(rows, np.int64)
        except (TypeError, ValueError):
            raise InputError(f"rows are whole numbers, not {kind_of(rows)}") from None
        scores = np.empty(len(wanted), np.float32)
        for number, places, found in self._rows.split(wanted):
            segment = self._segments[number]
            with BorrowedScratch(segment) as scratch:
                scores[places] = score_rows(segment, query, found, scratch)
        return scores

    def warm_up(self) -> None:
        """Compile (or load from the cache) every kernel that a search can run, and run it once; also for open parts."""
        for segment in self._segments:
            segment.warm_up()
        rows = self._count
        everything, nothing = AllowedRows(rows), AllowedRows.of(np.zeros(rows, np.bool_), rows)
        for name in available_engines(self._segment):
            engine = ENGINES[name]
            choice = Choice(engine, parameters_of(engine, {}))
            for size in QUERY_SIZES:
                columns = np.arange(min(size, self._segment.record.dim))
                queries = check_query(columns, np.ones(len(columns)), len(columns), self._scale, self._weight_bits)
                self._search(queries, 1, choice, nothing if engine.reads_all else everything)

    def _choose(
        self, mode: str, parameters: Mapping[str, Any], k: int, allowed: AllowedRows, recall: float | None
    ) -> Choice:
        """The engine that a search uses."""
        k = count(k)
        choice = choose_engine(
            mode,
            parameters,
            documents=self._count,
            k=k,
            filtered=allowed.filtered,
            words_alone=self._words_alone,
            recall=recall,
            tunings=self.tunings,
        )
        check_parts(choice.engine, self._segment)
        return engine_for(choice, allowed)

    def _search(self, queries: PreparedQueries, k: int, choice: Choice, allowed: AllowedRows) -> list[Hits]:
        """The hits of each query, on this thread."""
        most = min(int(k), self._count)
        with BorrowedScratch(self._segment) as scratch:
            found = choice.engine.search(self._segment, queries, most, allowed, scratch, choice.parameters)
        return [Hits(rows, scores, stats, self._ids_of) for rows, scores, stats in found]

"""Searching the sparse vectors of a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.arguments import count, kind_of
from lsr.core.arrays import row_numbers
from lsr.core.errors import InputError
from lsr.core.executor import executor
from lsr.core.options import beneath
from lsr.core.remedies import BUILD_AGAIN, COMPACT
from lsr.core.types import Rows, Scores
from lsr.index.engines.choose import Choice, choose_engine, choose_mode
from lsr.index.engines.hits import Found, Hits
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.queries import check_queries, check_query
from lsr.index.engines.registry import ENGINES
from lsr.index.engines.scratch import QUERY_SIZES
from lsr.index.engines.tuning import Tuning
from lsr.index.filters.allowed import AllowedRows
from lsr.index.format.manifest import Manifest
from lsr.index.live.documents import Documents
from lsr.index.live.elsewhere import Elsewhere, SearchedElsewhere
from lsr.index.live.rows import RowNumbers
from lsr.index.live.search import SegmentsSearch
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.searched_memory import Searched
from lsr.index.live.terms import TermNumbers
from lsr.index.live.ties import settle
from lsr.index.parts.segment import Segment
from lsr.vectors.pruning import Pruning
from lsr.vectors.sparse import SparseVectors

# A thread takes at most this many queries at a time, which ask for at most this many hits together.
_BATCH_QUERIES = 32
_BATCH_HITS = 1 << 18


def check_done(manifest: Manifest) -> tuple[Tuning, ...]:
    """What tuning found, once this and what pruning did are held to their types. InputError names a wrong value."""
    if not manifest.prunings and not manifest.tunings:
        return ()
    with beneath("prunings"):
        for record in manifest.prunings:
            Pruning.from_record(record)
    with beneath("tunings"):
        return tuple(Tuning.from_record(record) for record in manifest.tunings)


class SnapshotQueries(NamedTuple):
    """Checked queries, as each segment of a snapshot takes them.

    Attributes:
        by_segment: the queries by the columns of each segment.
    """

    by_segment: tuple[PreparedQueries, ...]


class SparseSearch:
    """Search of an index's sparse vectors: what `Index.search`, and the fusion with dense vectors, run on.

    Attributes:
        tunings: what tuning found for this index.
        terms: the term ids of the snapshot, and of its segments.
    """

    def __init__(
        self,
        manifest: Manifest,
        segments: Sequence[Searched],
        rows: RowNumbers,
        terms: TermNumbers,
        documents: Documents,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._segments, self._rows, self._count = segments, rows, len(rows)
        self.terms = terms
        self._ids_of, self._order_of = documents.row_ids, documents.row_order
        self._dim = terms.dim
        self._words_alone = terms.model == 0
        self._scale, self._weight_bits = np.float32(manifest.weight_scale), manifest.weight_bits
        self.tunings = check_done(manifest)
        self._sharded = manifest.shards is not None
        self._all: SegmentsSearch | SearchedElsewhere = SegmentsSearch(segments, rows.starts)
        if elsewhere is not None:
            self._all = SearchedElsewhere(elsewhere, rows.starts)
        self._alone = len(segments) == 1 and elsewhere is None
        # What a query is by the terms of a segment is what it is by those of any other.
        self._alike = terms.dim == terms.model and all(segment.by_ids for segment in segments)
        self._checked: set[str] = set()

    def __repr__(self) -> str:
        return f"SparseSearch({self._count:,} rows, modes {', '.join(self.modes)})"

    @property
    def only(self) -> Segment | None:
        """The segment, if the snapshot is a single one of files; else None."""
        if len(self._segments) == 1 and isinstance(self._segments[0], SearchedSegment):
            return self._segments[0].segment
        return None

    def whole_segment(self) -> Segment:
        """The segment, if the snapshot is a single one of files of which nothing is deleted; else InputError.

        What is added to an index, or made of it, goes by the files: it would overlook what the log holds.
        """
        if self._sharded:
            raise InputError("the collection is made of shards, which are not changed together", remedies=[BUILD_AGAIN])
        segment = self.only
        if segment is None or self._segments[0].alive is not None:
            raise InputError(
                "the index is made of several segments, or has deleted documents, or writes in its log",
                remedies=[COMPACT],
            )
        return segment

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes in which this index can be searched, without "auto"."""
        common = set(ENGINES).intersection(*(segment.engines for segment in self._segments))
        return tuple(name for name in ENGINES if name in common and ENGINES[name].by_name)

    @as_annotated
    def choose_mode(self, k: int, *, filtered: bool) -> str:
        """The mode that "auto" stands for: see `lsr.index.engines.choose.choose_mode`."""
        return choose_mode(self._count, k, filtered=filtered, words_alone=self._words_alone)

    def prepare(self, terms: npt.ArrayLike, weights: npt.ArrayLike) -> SnapshotQueries:
        """A checked query, as searched with: terms (or their columns) ascending, weights times the index's scale.

        Raises as `Index.search`.
        """
        return self._in_segments(check_query(terms, weights, self._dim, self._scale, self._weight_bits))

    def _in_segments(self, prepared: PreparedQueries) -> SnapshotQueries:
        if self._alike:
            return SnapshotQueries((prepared,) * len(self._segments))
        return SnapshotQueries(
            tuple(
                segment.in_columns(self.terms.in_segment(number, prepared))
                for number, segment in enumerate(self._segments)
            )
        )

    def search_prepared(
        self,
        prepared: SnapshotQueries,
        k: int = 10,
        *,
        mode: str = "auto",
        recall: float | None = None,
        allow: npt.NDArray[Any] | None = None,
        **parameters: Any,
    ) -> Hits:
        """As `Index.search`, for what `prepare` returned."""
        _check_prepared(prepared)
        allowed = AllowedRows.of(allow, self._count)
        return self._search(prepared, k, self._choose(mode, parameters, k, allowed, recall), allowed)[0]

    @as_annotated
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
            return self._search(self._in_segments(prepared), k, choice, allowed)

        hits: list[Hits] = []
        with executor(threads) as workers:
            for part in workers.map(search_part, range(0, len(queries), most)):
                hits += part
                if progress is not None:
                    progress(len(part))
        return hits

    def scores(self, terms: npt.ArrayLike, weights: npt.ArrayLike, rows: npt.ArrayLike) -> Scores:
        """See `Index.scores`."""
        return self.scores_prepared(self.prepare(terms, weights), row_numbers(rows))

    def scores_prepared(self, prepared: SnapshotQueries, rows: Rows) -> Scores:
        """float32 [n]: the inner products of the (first) query that `prepare` returned with these rows."""
        _check_prepared(prepared)
        rows = row_numbers(rows)
        scores = np.empty(len(rows), np.float32)
        for number, places, found in self._rows.split(rows):
            scores[places] = self._segments[number].scores(next(iter(prepared.by_segment[number])), found)
        return scores

    def warm_up(self) -> None:
        """Compile (or load from the cache) every kernel that a search can run, and run it once; also for open parts."""
        for segment in self._segments:
            segment.warm_up(self._scale, self._weight_bits)
        check_queries(SparseVectors.from_rows([([], [])], dim=self._dim), 0, 1, self._scale, self._weight_bits)
        if len(self._segments) > 1:
            # One engine's kernels of several segments are the other's.
            for size in QUERY_SIZES:
                terms = np.arange(min(size, self._dim))
                self.search_prepared(self.prepare(terms, np.ones(len(terms))), 1, mode="exact")

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
        if choice.engine.name not in self._checked:
            for segment in self._segments:
                segment.check(choice)
            self._checked.add(choice.engine.name)
        return choice

    def _search(self, queries: SnapshotQueries, k: int, choice: Choice, allowed: AllowedRows) -> list[Hits]:
        """The hits of each query, on this thread."""
        most = min(int(k), self._count)
        if self._alone:
            found = self._segments[0].search(queries.by_segment[0], most, choice, allowed)
            return [Hits(rows, scores, stats, self._ids_of) for rows, scores, stats in found]
        return [self._ranked(found, most) for found in self._all.search(queries.by_segment, most, choice, allowed)]

    def _ranked(self, found: Found, k: int) -> Hits:
        """The k best of what one query found in several segments."""
        rows, scores, stats = found
        if (scores[1:] < scores[:-1]).all():  # as engines give them that search all segments together
            return Hits(rows[:k], scores[:k], stats, self._ids_of)
        best = settle(np.argsort(-scores, kind="stable"), rows, scores, k, self._order_of)
        return Hits(rows[best], scores[best], stats, self._ids_of)


def _check_prepared(prepared: Any) -> None:
    if not isinstance(prepared, SnapshotQueries):
        raise InputError(f"what is prepared comes from `prepare`, not {kind_of(prepared)}")

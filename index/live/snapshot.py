"""Opening and searching an index."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError, NotFoundError
from lsr.core.executor import executor
from lsr.core.vocabulary import Vocabulary
from lsr.index.engines.allowed import AllowedRows, as_bitmap
from lsr.index.engines.choose import (
    Choice,
    available_engines,
    check_parts,
    choose_engine,
    choose_mode,
    engine_for,
)
from lsr.index.engines.direct.search import score_rows
from lsr.index.engines.hits import Hits
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.queries import check_queries, check_query
from lsr.index.engines.registry import ENGINES
from lsr.index.engines.scratch import QUERY_SIZES, Scratch
from lsr.index.engines.tuning import Tuning
from lsr.index.format.manifest import Manifest
from lsr.index.format.output import change_manifest
from lsr.index.format.settings import IndexSettings
from lsr.index.parts.dense.vectors import Dense
from lsr.index.parts.late.vectors import LateVectors
from lsr.index.parts.registry import owners, written_parts
from lsr.index.parts.segment import Segment
from lsr.index.parts.windows import WindowRows
from lsr.text.windows import Window, join_windows, split_window_id, window_id, window_passage
from lsr.vectors.pruning import Pruning
from lsr.vectors.sparse import SparseVectors

# A thread takes this many queries at a time, or fewer that ask for this many hits together.
_BATCH_QUERIES = 32
_BATCH_HITS = 1 << 18


class Index:
    """An index on disk, opened by memory map: nothing is loaded until it is used.

    Its rows are documents or, where `windows` says so, windows of documents: `search`, filters, `row`, `ids` and
    `document_at` go by rows, `document`, `document_rows` and `document_ids` by documents. For documents as hits, search
    by `lsr.Retriever` or `lsr.index.fusion.grouping.search_documents`.

    May be shared by threads. It stays readable when another build replaces it on disk; open again to see the new one.

    Attributes:
        path: the folder.
        manifest: what it holds.
        dim: number of terms in the vocabulary.
        settings: how it was built.
        encoder: the record of the encoder that made the vectors, or None.
    """

    def __init__(self, path: Path, manifest: Manifest, segment: Segment) -> None:
        self.path = path
        self.manifest = manifest
        self.dim = manifest.dim
        self.encoder = manifest.encoder
        self.settings = IndexSettings.from_record(manifest.settings)
        self._tunings = tuple(Tuning(**record) for record in manifest.tunings)
        self.segments = (segment,)
        self._segment = segment
        self._scale = np.float32(manifest.weight_scale)
        # Scratch memory is handed from search to search, so there is one for each search that runs at the same time.
        self._scratch: deque[Scratch] = deque()

    @classmethod
    def open(cls, path: str | Path) -> Index:
        """Open the index in the folder `path`.

        IndexFormatError if there is none, if it is of another format version, or if a file is missing, shortened or of
        another shape. Contents are not read, and the kernels that search them check no bounds: on an index damaged in
        place, a search may give wrong hits or end the process. After copying or restoring one, run
        `lsr.index.verify`, which compares the checksums.
        """
        path = Path(path)
        manifest = Manifest.read(path)
        while True:
            try:
                return cls(path, manifest, Segment.open(path / manifest.segment, manifest.segments[0]))
            except IndexFormatError:
                # A build may have replaced the index since the manifest was read.
                current = Manifest.read(path)
                if current.segment == manifest.segment:
                    raise
                manifest = current

    def __len__(self) -> int:
        return self.manifest.documents

    def __repr__(self) -> str:
        return f"Index({str(self.path)!r}, {len(self):,} documents, {self.manifest.postings:,} postings)"

    # -- searching ---------------------------------------------------------------------------------------------------

    def search(
        self,
        terms: npt.ArrayLike,
        weights: npt.ArrayLike,
        k: int = 10,
        *,
        mode: str = "auto",
        recall: float | None = None,
        allow: npt.NDArray[Any] | None = None,
        **parameters: Any,
    ) -> Hits:
        """The k documents with the largest inner product with the query.

        Args:
            terms: term ids [m], all different.
            weights: [m], finite and positive, and of a size that keeps scores in the range of float32.
            k: at least 1; fewer hits are returned when fewer documents share a term with the query.
            mode: "exact" finds the true best, skipping blocks of documents that cannot hold one; "approximate" skips
                more and may miss some; "exhaustive" scores every document, slowly, to the same result as "exact";
                "seismic" and "bmp" run those published algorithms, in an index built for them; "auto" chooses (see
                `choose_mode`).
            recall: instead of a mode: search with the parameters that `lsr tune` found for this recall.
            allow: documents that may be returned: bool [documents], or the same packed into uint8 with the least
                significant bit first (`numpy.packbits(mask, bitorder="little")`).
            parameters: of the mode: see `Parameters` of the engines in `lsr.index.engines.registry`. "auto" takes those
                of "approximate" too, and drops them if it chooses exact search.

        Returns hits best first, ties in row order. An empty query finds nothing. InputError if k, a term, a weight, the
        mode or a parameter is not as above.
        """
        return self.search_prepared(
            self.prepare(terms, weights), k, mode=mode, recall=recall, allow=allow, **parameters
        )

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
        """As `search`, for what `prepare` returned."""
        allowed = AllowedRows.of(allow, len(self))
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
        """Search every row of `queries`; the hits come in the order of the rows.

        Each query runs on one thread; `threads` of them run side by side (default: as many as there are CPUs).
        `progress` is called with the number of queries just finished. Other arguments as for `search`. InputError also
        if the queries are of another `dim`.
        """
        if queries.dim != self.dim:
            raise InputError(f"the index has {self.dim:,} terms and these queries {queries.dim:,}")
        allowed = AllowedRows.of(allow, len(self))
        choice = self._choose(mode, parameters, k, allowed, recall)
        most = max(1, min(_BATCH_QUERIES, _BATCH_HITS // max(min(k, len(self)), 1)))

        def search_part(start: int) -> list[Hits]:
            prepared = check_queries(queries, start, min(start + most, len(queries)), self._scale)
            return self._search(prepared, k, choice, allowed)

        hits: list[Hits] = []
        with executor(threads) as workers:
            for part in workers.map(search_part, range(0, len(queries), most)):
                hits += part
                if progress is not None:
                    progress(len(part))
        return hits

    def scores(self, terms: npt.ArrayLike, weights: npt.ArrayLike, rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """float32 [n]: the inner products of a query with the documents of these rows, as a search has them.

        `terms` and `weights` as for `search`. NotFoundError for a row that is not there.
        """
        query = next(iter(self.prepare(terms, weights)))
        wanted = np.asarray(rows, np.int64)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise NotFoundError(f"rows must lie in 0 … {len(self) - 1:,}")
        with self._borrowed_scratch() as scratch:
            return score_rows(self._segment, query, wanted, scratch)

    def choose_mode(self, k: int, *, filtered: bool) -> str:
        """The mode that "auto" stands for: see `lsr.index.engines.choose.choose_mode`."""
        return choose_mode(len(self), k, filtered=filtered)

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that this index can be searched in, "auto" left out."""
        return tuple(name for name in available_engines(self._segment) if ENGINES[name].by_name)

    @property
    def tunings(self) -> tuple[Tuning, ...]:
        """What `lsr tune` found for this index."""
        return self._tunings

    def store_tuning(self, tuning: Tuning) -> None:
        """Record a tuning in the manifest, in place of one for the same k and recall.

        IndexFormatError if the index was replaced on disk since it was opened.
        """
        record = tuning.to_record()

        def change(manifest: Manifest) -> Manifest:
            others = [r for r in manifest.tunings if (r["k"], r["recall"]) != (record["k"], record["recall"])]
            return replace(manifest, tunings=[*others, record])

        self.manifest = change_manifest(self.path, self.manifest.segment, change)
        self._tunings = tuple(Tuning(**r) for r in self.manifest.tunings)

    def warm_up(self) -> None:
        """Compile (or load from Numba's cache) every kernel that a search of this index can run, and run it once."""
        everything = AllowedRows(len(self))
        nothing = AllowedRows.of(np.zeros(len(self), np.bool_), len(self))
        for name in available_engines(self._segment):
            engine = ENGINES[name]
            choice = Choice(engine, engine.Parameters())
            for count in QUERY_SIZES:
                terms = np.arange(min(count, self.dim))
                queries = self.prepare(terms, np.ones(len(terms)))
                self._search(queries, 1, choice, nothing if engine.reads_all else everything)

    def _choose(
        self, mode: str, parameters: Mapping[str, Any], k: int, allowed: AllowedRows, recall: float | None
    ) -> Choice:
        """The engine that a search goes to."""
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        choice = choose_engine(
            mode,
            parameters,
            documents=len(self),
            k=k,
            filtered=allowed.filtered,
            recall=recall,
            tunings=self._tunings,
        )
        check_parts(choice.engine, self._segment)
        return engine_for(choice, allowed)

    def _search(self, queries: PreparedQueries, k: int, choice: Choice, allowed: AllowedRows) -> list[Hits]:
        """The hits of each query, on this thread."""
        with self._borrowed_scratch() as scratch:
            found = choice.engine.search(
                self._segment, queries, min(int(k), len(self)), allowed, scratch, choice.parameters
            )
        return [Hits(rows, scores, stats, self._segment.part("ids")) for rows, scores, stats in found]

    @contextmanager
    def _borrowed_scratch(self) -> Iterator[Scratch]:
        """Given back unless the search failed, which may have left it in any state."""
        try:
            scratch = self._scratch.pop()
        except IndexError:
            scratch = Scratch(self._segment)
        yield scratch
        self._scratch.append(scratch)

    def prepare(self, terms: npt.ArrayLike, weights: npt.ArrayLike) -> PreparedQueries:
        """A checked query, as searched with: terms ascending, weights times the index's scale. Raises as `search`."""
        return check_query(terms, weights, self.dim, self._scale)

    def bitmap(self, allow: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """The packed form of a filter, as `search` takes it."""
        return as_bitmap(allow, len(self))

    # -- documents ---------------------------------------------------------------------------------------------------

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The stored vocabulary, read on first use, or None."""
        has = self._segment.has_part("vocabulary")
        return self._segment.part("vocabulary").read() if has else None

    @property
    def windows(self) -> WindowRows | None:
        """Which document each row is a window of; None where rows are documents."""
        return self._segment.part("windows") if self._segment.has_part("windows") else None

    @property
    def document_count(self) -> int:
        """Number of documents: fewer than rows where these are windows."""
        return len(self) if self.windows is None else self.windows.documents

    def row(self, id: str) -> int:
        """The row of the document (of the window, `DOCUMENT#NUMBER`) with this id; NotFoundError if there is none."""
        return self._segment.part("ids").row(id)

    def ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """The ids of rows."""
        return self._segment.part("ids").ids(rows)

    def document_ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """The ids of the documents that rows are, or are windows of."""
        ids = self.ids(rows)
        return ids if self.windows is None else [split_window_id(id)[0] for id in ids]

    def document_rows(self, id: str) -> range:
        """The row, or the rows of the windows, of the document with this id; NotFoundError if there is none."""
        if self.windows is None:
            row = self.row(id)
            return range(row, row + 1)
        try:
            return self.windows.rows_beside(self.row(window_id(id, 0)))
        except NotFoundError:
            raise NotFoundError(f"no document with id {id!r}") from None

    def document(self, id: str) -> Document:
        """The stored document with this id, put together from its windows; NotFoundError if there is none.

        Where only first windows are kept, its text ends with that.
        """
        rows = self.document_rows(id)
        stored = self._segment.part("documents").documents(rows.start, rows.stop)
        return stored[0] if self.windows is None else join_windows(stored)

    def document_at(self, row: int) -> Document:
        """The document, or window, stored in a row; NotFoundError if there is no such row."""
        return self._segment.part("documents").document(self._check_row(row))

    def passage(self, row: int) -> tuple[Document, Window | None]:
        """What a hit shows: a row's document, with the text of the row's window, and which one that is (or None)."""
        found = self.document_at(row)
        if self.windows is None:
            return found, None
        first = self.windows.rows_beside(row).start
        return window_passage(found, found if first == row else self.document_at(first))

    def vector(self, row: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Term ids, ascending, and weights as stored (quantised) of a row; NotFoundError if there is no such row."""
        position = int(self._segment.row_positions[self._check_row(row)])
        return self._segment.forward.vector(position, self._scale)

    @property
    def prunings(self) -> list[Pruning]:
        """What `lsr prune` did to this index, the first time first; empty for an index as it was built."""
        return [Pruning(**record) for record in self.manifest.prunings]

    # -- dense and token vectors ---------------------------------------------------------------------------------------

    @property
    def has_dense(self) -> bool:
        """Whether there are dense vectors beside the sparse ones."""
        return self._segment.has_part("dense")

    @cached_property
    def dense(self) -> Dense:
        """The dense vectors, opened on first use. InputError if there are none, IndexFormatError for a damaged file."""
        return cast("Dense", self._segment.part("dense"))

    @cached_property
    def late(self) -> LateVectors:
        """The documents' token vectors, opened on first use. Raises as `dense`."""
        return cast("LateVectors", self._segment.part("late"))

    @property
    def document_frequencies(self) -> npt.NDArray[np.int64]:
        """int64 [dim]: the number of documents that each term stands in."""
        return self._segment.part("terms").documents

    @property
    def token_frequencies(self) -> npt.NDArray[np.int64] | None:
        """int64 [dim]: the number of documents in whose text each term is a token; None where they were not counted."""
        return self._segment.part("terms").tokens

    def _check_row(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise NotFoundError(f"no row {row}: the index has {len(self):,} documents")
        return int(row)

    # -- describing --------------------------------------------------------------------------------------------------

    def space(self) -> dict[str, int]:
        """Bytes on disk by part, and in total.

        The parts of the segment are those of `lsr.index.parts.registry`; then comes the manifest, and those that were
        added.
        """
        parts = {part.name: 0 for part in written_parts()}
        owner = owners()
        for name, record in self.manifest.files.items():
            parts[owner[name].name] += record.bytes
        parts["manifest"] = len(self.manifest.to_bytes())
        for name, part in self.manifest.parts.items():
            parts[name] = sum(record.bytes for record in part.files.values())
        return {**parts, "total": sum(parts.values())}

    def describe(self) -> dict[str, Any]:
        """The facts about the index, as JSON values."""
        manifest = self.manifest
        return {
            "path": str(self.path),
            "documents": manifest.documents,
            "dim": manifest.dim,
            "postings": manifest.postings,
            "mean_terms": manifest.postings / manifest.documents,
            "weight_scale": manifest.weight_scale,
            "block_size": self._segment.part("summaries").block_size,
            "modes": list(self.modes),
            "has_vocabulary": self._segment.has_part("vocabulary"),
            "encoder": manifest.encoder,
            "settings": self.settings.facts(),
            "parts": {name: part.record for name, part in manifest.parts.items()},
            "tunings": manifest.tunings,
            "fusion": manifest.fusion,
            "prunings": manifest.prunings,
            "windows": manifest.windows,
            "created": manifest.created,
            "library_version": manifest.library_version,
            "bytes": self.space(),
        }

"""Opening and searching an index."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.documents import Document
from lsr.errors import IndexFormatError, InputError, NotFoundError
from lsr.index import blocked, exact
from lsr.index.hits import Hits
from lsr.index.kernels.query import BAD_WEIGHT, NOT_ASCENDING, OUT_OF_RANGE, OUT_OF_VOCABULARY, prepare_query
from lsr.index.manifest import Manifest
from lsr.index.search import Query, Scratch
from lsr.index.segment import Segment
from lsr.index.settings import BLOCKED_FROM_DOCUMENTS, IndexSettings
from lsr.vectors import SparseVectors
from lsr.vocabulary import Vocabulary

# The largest k that mode "auto" gives to blocked search.
BLOCKED_MAX_K = 100

# A thread takes this many queries at a time.
_BATCH_QUERIES = 16

_MODES = {"exact": exact.search, "blocked": blocked.search}
_BLOCKED_PARAMETERS = ("query_cut", "heap_factor")
_NO_FILTER = np.empty(0, np.uint8)


class Index:
    """An index on disk, opened by memory map: nothing is loaded until it is used.

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
                return cls(path, manifest, Segment.open(path / manifest.segment, manifest))
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
        allow: npt.NDArray[Any] | None = None,
        **parameters: Any,
    ) -> Hits:
        """The k documents with the largest inner product with the query.

        Args:
            terms: term ids [m], all different.
            weights: [m], finite and positive, and of a size that keeps scores in the range of float32.
            k: at least 1; fewer hits are returned when fewer documents share a term with the query.
            mode: "exact" scores every document that shares a term; "blocked" skips blocks of documents by their
                summaries and may miss some; "auto" chooses (see `choose_mode`).
            allow: documents that may be returned: bool [documents], or the same packed into uint8 with the least
                significant bit first (`numpy.packbits(mask, bitorder="little")`).
            parameters: `query_cut` and `heap_factor` of blocked search, see `lsr.index.blocked.search`; "auto" drops
                them if it chooses exact search.

        Returns hits best first, ties in row order. An empty query finds nothing. InputError if k, a term, a weight, the
        mode or a parameter is not as above.
        """
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        query = self._prepare(terms, weights)
        bitmap = _NO_FILTER if allow is None else self._bitmap(allow)
        run, parameters = self._algorithm(mode, k, allow is not None, parameters)
        try:
            scratch = self._scratch.pop()
        except IndexError:
            scratch = Scratch(self._segment)
        rows, scores, stats = run(self._segment, query, min(int(k), len(self)), bitmap, scratch, **parameters)
        self._scratch.append(scratch)
        return Hits(rows, scores, stats, self._segment.ids)

    def search_batch(
        self,
        queries: SparseVectors,
        k: int = 10,
        *,
        mode: str = "auto",
        threads: int | None = None,
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
        if allow is not None:
            allow = self._bitmap(allow)

        def search_part(start: int) -> list[Hits]:
            part = range(start, min(start + _BATCH_QUERIES, len(queries)))
            return [self.search(*queries.row(i), k, mode=mode, allow=allow, **parameters) for i in part]

        hits: list[Hits] = []
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            for part in pool.map(search_part, range(0, len(queries), _BATCH_QUERIES)):
                hits += part
                if progress is not None:
                    progress(len(part))
        return hits

    def choose_mode(self, k: int, *, filtered: bool) -> str:
        """The mode that "auto" stands for.

        "blocked" from BLOCKED_FROM_DOCUMENTS documents on, if there are blocks, k is at most BLOCKED_MAX_K and no
        filter is set: the blocks hold each term's strongest documents, which are too few for long answers and may all
        be filtered out. Otherwise "exact".
        """
        large = len(self) >= BLOCKED_FROM_DOCUMENTS and self._segment.blocks is not None
        return "blocked" if large and k <= BLOCKED_MAX_K and not filtered else "exact"

    def warm_up(self) -> None:
        """Compile (or load from Numba's cache) every kernel that a search of this index can run, and run it once."""
        for mode in ("exact",) if self._segment.blocks is None else ("exact", "blocked"):
            self.search([0], [1.0], 1, mode=mode)

    def _algorithm(
        self, mode: str, k: int, filtered: bool, parameters: dict[str, Any]
    ) -> tuple[Callable[..., Any], dict[str, Any]]:
        """The search function of a mode and the parameters that it takes."""
        chosen = self.choose_mode(k, filtered=filtered) if mode == "auto" else mode
        if chosen not in _MODES:
            raise InputError(f"mode must be auto, exact or blocked, not {mode!r}")
        for name in parameters:
            if name not in (_BLOCKED_PARAMETERS if mode != "exact" else ()):
                raise InputError(f"{name} is no parameter of mode {mode}")
        return _MODES[chosen], parameters if chosen == "blocked" else {}

    def _prepare(self, terms: npt.ArrayLike, weights: npt.ArrayLike) -> Query:
        """The checked query, terms ascending, weights times the index's scale."""
        term_ids = _as_term_ids(terms)
        query_weights = np.ascontiguousarray(weights, np.float32)
        if term_ids.ndim != 1 or term_ids.shape != query_weights.shape:
            raise InputError(f"{term_ids.shape} term ids came with {query_weights.shape} weights; give one of each")
        scaled = np.empty(len(term_ids), np.float32)
        code, at = prepare_query(term_ids, query_weights, self.dim, self._scale, scaled)
        if code == NOT_ASCENDING:
            order = np.argsort(term_ids, kind="stable")
            term_ids, query_weights = term_ids[order], query_weights[order]
            code, at = prepare_query(term_ids, query_weights, self.dim, self._scale, scaled)
        if code == NOT_ASCENDING:
            raise InputError(f"term {term_ids[at]} stands twice in the query")
        if code == OUT_OF_VOCABULARY:
            raise InputError(f"term id {term_ids[at]} is outside the index's vocabulary of {self.dim:,} terms")
        if code == BAD_WEIGHT:
            raise InputError(f"weight {query_weights[at]} of term {term_ids[at]} is not finite and positive")
        if code == OUT_OF_RANGE:
            raise InputError(
                f"weight {query_weights[at]} of term {term_ids[at]} is too small or too large: with weights in "
                f"steps of {self._scale:.3g}, as in this index, scores would leave the range of float32"
            )
        return Query(term_ids, scaled)

    def _bitmap(self, allow: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """The packed form of a filter."""
        allow = np.ascontiguousarray(allow)
        if allow.dtype == np.bool_ and allow.shape == (len(self),):
            return np.packbits(allow, bitorder="little")
        if allow.dtype == np.uint8 and allow.shape == ((len(self) + 7) // 8,):
            return allow
        raise InputError(
            f"allow must be {len(self):,} bools or {(len(self) + 7) // 8:,} packed bytes (uint8), "
            f"not {allow.dtype} of shape {allow.shape}"
        )

    # -- documents ---------------------------------------------------------------------------------------------------

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The stored vocabulary, read on first use, or None."""
        stored = self._segment.vocabulary
        return None if stored is None else stored.read()

    def row(self, id: str) -> int:
        """The row of the document with this id; NotFoundError if there is none."""
        return self._segment.ids.row(id)

    def document(self, id: str) -> Document:
        """The stored document with this id; NotFoundError if there is none."""
        return self.document_at(self.row(id))

    def document_at(self, row: int) -> Document:
        """The stored document of a row; NotFoundError if there is no such row."""
        return self._segment.documents.document(self._check_row(row))

    def vector(self, row: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Term ids, ascending, and weights as stored (quantised) of a row; NotFoundError if there is no such row."""
        forward, row = self._segment.forward, self._check_row(row)
        pairs = slice(forward.indptr[row], forward.indptr[row + 1])
        return forward.indices[pairs].astype(np.uint32), forward.weights[pairs] * self._scale

    @cached_property
    def document_frequencies(self) -> npt.NDArray[np.int64]:
        """int64 [dim]: the number of documents that each term stands in."""
        return np.diff(self._segment.inverted.indptr)

    def _check_row(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise NotFoundError(f"no row {row}: the index has {len(self):,} documents")
        return int(row)

    # -- describing --------------------------------------------------------------------------------------------------

    def space(self) -> dict[str, int]:
        """Bytes on disk by part: forward, inverted, blocks, documents, ids, vocabulary, manifest, total."""
        parts = dict.fromkeys(("forward", "inverted", "blocks", "documents", "ids", "vocabulary"), 0)
        for name, record in self.manifest.files.items():
            part = next(part for part in parts if name.startswith(part.removesuffix("s")))
            parts[part] += record.bytes
        parts["manifest"] = len(self.manifest.to_bytes())
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
            "has_blocks": self._segment.blocks is not None,
            "has_vocabulary": self._segment.vocabulary is not None,
            "encoder": manifest.encoder,
            "settings": manifest.settings,
            "created": manifest.created,
            "library_version": manifest.library_version,
            "bytes": self.space(),
        }


def _as_term_ids(terms: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Term ids as uint32, refusing what the cast would wrap or round."""
    ids = np.asarray(terms)
    if ids.dtype == np.uint32:
        return np.ascontiguousarray(ids)
    if ids.size and (ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= 2**32):
        raise InputError("term ids must be integers in 0 … 2³² − 1")
    return np.ascontiguousarray(ids, np.uint32)

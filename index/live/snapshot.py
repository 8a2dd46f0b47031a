"""An opened index, as a search sees it: it never changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import path_of
from lsr.core.counted import counted
from lsr.core.deprecation import moved_member
from lsr.core.errors import InputError
from lsr.core.types import Scores
from lsr.core.vocabulary import Vocabulary
from lsr.index.engines.hits import Hits
from lsr.index.format.manifest import Manifest
from lsr.index.live.description import describe
from lsr.index.live.documents import Documents
from lsr.index.live.elsewhere import Elsewhere
from lsr.index.live.moved import MOVED
from lsr.index.live.opening import Opened, open_index
from lsr.index.live.parts import Parts
from lsr.index.live.rows import RowNumbers
from lsr.index.live.searched import SearchedSegment, deleted_of
from lsr.index.live.searched_memory import Searched
from lsr.index.live.sparse import SparseSearch
from lsr.index.live.terms import TermNumbers
from lsr.index.live.vocabulary import stored_vocabulary
from lsr.index.parts.segment import Segment
from lsr.index.parts.words import WordVocabulary
from lsr.vectors.sparse import SparseVectors


class Index:
    """A snapshot of an index on disk, opened by memory map: nothing is loaded until it is used, and nothing changes.

    It stays readable when another build replaces it on disk; open it again to see the new one, or what tuning found.
    Threads may share it.

    Its rows are documents or, if `documents.windows` is set, windows of documents; searches, filters and ties go by
    rows. These go by the ids of the documents, in UTF-8, byte by byte, in what `lsr index` makes; else, and in what it
    made before, they are documents as they were added to the `IndexBuilder`. `documents.row` and `documents.row_ids`
    lead from one to the other, `documents.as_added` to the order in which documents were added.

    For documents as hits, search by `lsr.Retriever` or `lsr.index.fusion.grouping.search_documents`.

    Attributes:
        path: the folder.
        manifest: the index's manifest.
        segments: its segments; its rows are theirs, one segment after the other.
        dim: number of terms in the vocabulary.
        encoder: the record of the encoder that made the vectors, or None.
        documents: their ids, texts and windows.
        parts: what there is beside them, such as dense vectors: `index.parts["dense"]`.
        sparse: search of the sparse vectors, step by step.
    """

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        segments: tuple[Segment, ...],
        searched: Sequence[Searched] | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Make an index of opened segments; use `open` instead.

        `searched`: what is searched: these segments with what was deleted since, and memory; `elsewhere`: by whom.
        """
        self.path = path
        self.manifest = manifest
        self.segments = segments
        self.encoder = manifest.encoder
        if searched is None:
            searched = [SearchedSegment(segment, deleted_of(segment)) for segment in segments]
        self._searched = searched
        self._rows = RowNumbers([len(segment) for segment in searched])
        self._terms = TermNumbers(manifest.model_terms, [segment.words for segment in searched])
        self.dim = self._terms.dim
        self.documents = Documents(searched, self._rows)
        self.parts = Parts(searched, self._rows, self._terms, self.documents, elsewhere)
        self.sparse = SparseSearch(manifest, searched, self._rows, self._terms, self.documents, elsewhere)

    @classmethod
    def open(cls, path: str | Path, *, elsewhere: Elsewhere | None = None) -> Index:
        """Open the index in the folder `path`; `elsewhere` searches its segments in the place of this process.

        IndexFormatError if there is none, if it is of another format version, if its manifest says what none could, if
        a file is missing, a link, shortened or of another shape, or if what kernels go by does not fit: offsets that do
        not ascend to the end of their file, rows and positions that there are not. Other OSErrors, as too many open
        files, stay what they are. What takes longer to look at is not: on an index damaged in place, a search may give
        wrong hits or IndexFormatError, but reads and writes nothing outside of its files. After copying or restoring
        one, run `lsr.index.verify`, which compares the checksums and looks at everything.
        """
        path = path_of(path, "the path of an index")

        def made(found: Opened) -> Index:
            searched = None if found.state is None else found.state.searched()
            return cls(path, found.manifest, found.segments, searched, elsewhere)

        return open_index(path, made)

    def __len__(self) -> int:
        return len(self._rows)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Members that have moved, under their old names."""
            return moved_member(self, name, MOVED)

    def __repr__(self) -> str:
        postings = counted(self.manifest.postings, "postings")
        return f"Index({str(self.path)!r}, {counted(len(self), 'documents')}, {postings})"

    def search(
        self,
        terms: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
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
                `SparseSearch.choose_mode`).
            recall: instead of a mode: search with the parameters that `lsr tune` found for this recall.
            allow: rows that may be returned: bool [rows], or the same packed into uint8 with the least
                significant bit first (`numpy.packbits(mask, bitorder="little")`).
            parameters: of the mode: see `Parameters` of the engines in `lsr.index.engines.registry`. "auto" takes those
                of "approximate" too, and drops them if it chooses exact search.

        Returns hits best first, ties in row order. An empty query finds nothing. InputError if k, a term, a weight, the
        mode or a parameter is not as above.
        """
        if weights is None:
            raise InputError(
                "an index is searched by term ids and their weights, and there are no weights",
                remedies=["search by SparseVectors with `search_batch`, and by texts with `lsr.Retriever`"],
            )
        sparse = self.sparse
        prepared = sparse.prepare(terms, weights)
        return sparse.search_prepared(prepared, k, mode=mode, recall=recall, allow=allow, **parameters)

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
        return self.sparse.search_batch(
            queries, k, mode=mode, threads=threads, recall=recall, allow=allow, progress=progress, **parameters
        )

    def scores(self, terms: npt.ArrayLike, weights: npt.ArrayLike, rows: npt.ArrayLike) -> Scores:
        """float32 [n]: the inner products of a query with the documents of these rows, as a search has them.

        `terms` and `weights` as for `search`. NotFoundError for a row that is not there.
        """
        return self.sparse.scores(terms, weights, rows)

    def vector(self, row: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Term ids, ascending, and weights as stored (quantised) of a row; NotFoundError if there is no such row."""
        number, row = self._rows.place(row)
        terms, weights = self._searched[number].vector(row, np.float32(self.manifest.weight_scale))
        if self._terms.one:
            return terms, weights
        terms = self._terms.of_segment(number, terms)
        order = np.argsort(terms, kind="stable")
        return terms[order], weights[order]

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The stored vocabulary, or None. Words are read as they are asked for, other terms on first use."""
        stored = stored_vocabulary(self.path, self.manifest, self.segments)
        if stored is None and self.dim == 0:
            return Vocabulary()  # of words alone, and no document yet
        return WordVocabulary(stored or Vocabulary(), self.parts["words"]) if "words" in self.parts else stored

    def describe(self) -> dict[str, Any]:
        """The facts about the index, as JSON values; `bytes` are those on disk by part, and in total."""
        return describe(self.path, self.manifest, self._searched)

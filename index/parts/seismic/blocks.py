"""Seismic's blocks of inverted lists with their summaries: building and opening."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.executor import executor
from lsr.index.format.arrays import ArrayWriter, OffsetWriter, open_array, open_offsets
from lsr.index.format.postings import Postings, term_dtype
from lsr.index.format.settings import SeismicSettings
from lsr.index.parts.seismic.kernel import build_blocks, sketch_documents

# Postings clustered in one call of the kernel.
_PART_POSTINGS = 1 << 17
_SKETCH_ROWS = 1 << 16

ARRAYS = (
    "indptr",
    "starts",
    "rows",
    "unbounded",
    "summary_indptr",
    "summary_terms",
    "summary_ends",
    "entry_indptr",
    "entry_blocks",
    "entry_weights",
)
"""The arrays, each in a file seismic_NAME.npy."""


@dataclass(frozen=True, slots=True)
class SeismicBlocks:
    """The blocks of every list, and for every list an inverted index of its blocks' summaries.

    Attributes:
        indptr: int64 [dim + 1]: the blocks of each list.
        starts: int64 [blocks + 1]: where each block starts in `rows`.
        rows: uint32: the positions of the documents of each block, ascending.
        unbounded: uint8 [blocks]: 1 for a block without a summary, which is always visited.
        summary_indptr: int64 [dim + 1]: each list's part of summary_terms and summary_ends.
        summary_terms: the terms that occur in any summary of a list, ascending; the index's dtype of term ids.
        summary_ends: uint32: where each such term's entries end, counted from the first entry of the list.
        entry_indptr: int64 [dim + 1]: each list's part of entry_blocks and entry_weights.
        entry_blocks: uint16: a block, counted from the first of its list.
        entry_weights: uint8: the term's weight in the block's summary, on the scale of the stored weights.
    """

    indptr: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.uint32]
    unbounded: npt.NDArray[np.uint8]
    summary_indptr: npt.NDArray[np.int64]
    summary_terms: npt.NDArray[Any]
    summary_ends: npt.NDArray[np.uint32]
    entry_indptr: npt.NDArray[np.int64]
    entry_blocks: npt.NDArray[np.uint16]
    entry_weights: npt.NDArray[np.uint8]

    @classmethod
    def open(cls, folder: Path, dim: int) -> SeismicBlocks:
        """Map the files of a segment."""

        def array(name: str, dtype: npt.DTypeLike, length: int | None = None) -> npt.NDArray[Any]:
            return open_array(folder / f"seismic_{name}.npy", dtype, length)

        def offsets(name: str, length: int) -> npt.NDArray[np.int64]:
            return open_offsets(folder / f"seismic_{name}.npy", length)

        indptr = offsets("indptr", dim + 1)
        starts = offsets("starts", int(indptr[-1]) + 1)
        summary_indptr, entry_indptr = offsets("summary_indptr", dim + 1), offsets("entry_indptr", dim + 1)
        summaries, entries = int(summary_indptr[-1]), int(entry_indptr[-1])
        return cls(
            indptr=indptr,
            starts=starts,
            rows=array("rows", np.uint32, int(starts[-1])),
            unbounded=array("unbounded", np.uint8, int(indptr[-1])),
            summary_indptr=summary_indptr,
            summary_terms=array("summary_terms", term_dtype(dim), summaries),
            summary_ends=array("summary_ends", np.uint32, summaries),
            entry_indptr=entry_indptr,
            entry_blocks=array("entry_blocks", np.uint16, entries),
            entry_weights=array("entry_weights", np.uint8, entries),
        )


def write_seismic_blocks(
    folder: Path,
    forward: Postings,
    inverted: Postings,
    settings: SeismicSettings,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the seismic_* files of a segment; `progress` is called with the number of postings gone through.

    Runs of lists are clustered side by side on `threads` threads (default: as many as there are CPUs) and written in
    order, so the bytes do not depend on the threads. Each thread takes a few times 131,072 postings (or the longest
    list) times a document's terms in bytes, some 50 MB in practice, and 17 bytes a term of the vocabulary.
    """
    dim = len(inverted)
    with ExitStack() as stack:

        def writer(name: str, dtype: npt.DTypeLike) -> ArrayWriter:
            return stack.enter_context(ArrayWriter(folder / f"seismic_{name}.npy", dtype))

        def offsets(name: str) -> OffsetWriter:
            return stack.enter_context(OffsetWriter(folder / f"seismic_{name}.npy"))

        # In the order in which the kernel returns them.
        files = (
            offsets("indptr"),
            offsets("starts"),
            writer("unbounded", np.uint8),
            writer("rows", np.uint32),
            offsets("summary_indptr"),
            writer("summary_terms", term_dtype(dim)),
            writer("summary_ends", np.uint32),
            offsets("entry_indptr"),
            writer("entry_blocks", np.uint16),
            writer("entry_weights", np.uint8),
        )
        sketch_terms, sketch_weights = stack.enter_context(_sketch(folder, forward, settings.doc_cut))
        workers = stack.enter_context(executor(threads))

        def build(part: tuple[int, int]) -> tuple[npt.NDArray[Any], ...]:
            first, last = part
            return build_blocks(
                first_term=first,
                last_term=last,
                list_indptr=inverted.indptr,
                list_rows=inverted.indices,
                list_weights=inverted.weights,
                forward_indptr=forward.indptr,
                forward_terms=forward.indices,
                forward_weights=forward.weights,
                sketch_terms=sketch_terms,
                sketch_weights=sketch_weights,
                n_postings=settings.n_postings or len(forward),
                centroid_fraction=settings.centroid_fraction,
                min_cluster_size=settings.min_cluster_size,
                energy=settings.summary_energy,
                seed=np.uint64(seed),
            )

        parts = list(_parts(inverted.indptr, settings.n_postings))
        # One ahead, so that no thread waits while results are written.
        for (first, last), made in zip(parts, workers.map(build, parts, ahead=1), strict=True):
            for file, values in zip(files, made, strict=True):
                file.append(values)
            if progress is not None:
                progress(int(inverted.indptr[last] - inverted.indptr[first]))


def _parts(indptr: npt.NDArray[np.int64], n_postings: int | None) -> Iterator[tuple[int, int]]:
    """Runs of terms of about _PART_POSTINGS kept postings."""
    lengths = np.diff(indptr)
    kept = np.cumsum(lengths if n_postings is None else np.minimum(lengths, n_postings))
    first = 0
    while first < len(kept):
        before = kept[first - 1] if first else 0
        last = max(int(np.searchsorted(kept, before + _PART_POSTINGS, side="right")), first + 1)
        yield first, last
        first = last


@contextmanager
def _sketch(folder: Path, forward: Postings, cut: int) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]]:
    """Every document's strongest terms, [documents, cut], in files that are removed at the end."""
    documents = len(forward)
    paths = (folder / "sketch_terms.npy", folder / "sketch_weights.npy")
    try:
        with (
            ArrayWriter(paths[0], forward.indices.dtype) as terms_file,
            ArrayWriter(paths[1], np.uint8) as weights_file,
        ):
            for first in range(0, documents, _SKETCH_ROWS):
                rows = min(_SKETCH_ROWS, documents - first)
                terms = np.empty((rows, cut), forward.indices.dtype)
                weights = np.empty((rows, cut), np.uint8)
                sketch_documents(forward.indptr, forward.indices, forward.weights, first, terms, weights)
                terms_file.append(terms.ravel())
                weights_file.append(weights.ravel())
        sketch_terms = open_array(paths[0], forward.indices.dtype).reshape(documents, cut)
        sketch_weights = open_array(paths[1], np.uint8).reshape(documents, cut)
        yield sketch_terms, sketch_weights
    finally:
        for path in paths:
            path.unlink(missing_ok=True)

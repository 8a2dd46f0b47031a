"""Building and opening the summaries of the blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError
from lsr.core.executor import executor
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.arrays import ArrayWriter, OffsetWriter, new_array, open_array, open_offsets, write_array
from lsr.index.format.checks import largest
from lsr.index.format.files import RESTORE
from lsr.index.format.postings import Postings
from lsr.index.kernels.accumulate import SummaryArguments
from lsr.index.kernels.selection import CHUNK
from lsr.index.parts.summaries.kernel import count_blocks, summarise_window

PREFIX = "summary"
# Files of frequent terms' weights keep the names that the format began with.
_FREQUENT_TERMS, _FREQUENT_WEIGHTS = "dense_terms", "dense_weights"
_ARRAYS = (_FREQUENT_TERMS, _FREQUENT_WEIGHTS, "list_starts", "list_blocks", "list_weights", "term_maxima")
# The number of blocks that a list's uint16 can distinguish.
MOST_WINDOW_BLOCKS = 1 << 16
_COUNT_AT_A_TIME = 1 << 14


def summary_files(prefix: str = PREFIX) -> tuple[str, ...]:
    """Names of the files of summaries."""
    return tuple(f"{prefix}_{array}.npy" for array in _ARRAYS)


@dataclass(frozen=True)
class Summaries:
    """The largest weight of each term in each block of neighbouring documents.

    Terms that occur in many blocks have a row of weights, one for each block. The others have lists, one for each
    window of blocks, the heaviest first.

    Attributes:
        block_size: documents of a block (the last one may have fewer).
        blocks: how many there are.
        window: blocks of a window, whole chunks of them; at most 65,536.
        frequent_numbers: int32 [dim]: the row of a term in frequent_weights, or -1.
        frequent_weights: uint8 [rows, blocks padded to whole chunks].
        list_starts: int64 [windows * dim + 1].
        list_blocks: uint16, counted from the first block of the window.
        list_weights: uint8, descending within a list.
        term_maxima: uint8 [dim]: each term's largest weight.
    """

    block_size: int
    blocks: int
    window: int
    frequent_numbers: npt.NDArray[np.int32]
    frequent_weights: npt.NDArray[np.uint8]
    list_starts: npt.NDArray[np.int64]
    list_blocks: npt.NDArray[np.uint16]
    list_weights: npt.NDArray[np.uint8]
    term_maxima: npt.NDArray[np.uint8]

    @cached_property
    def arrays(self) -> SummaryArguments:
        """The arrays that kernels take."""
        return SummaryArguments(
            frequent_numbers=self.frequent_numbers,
            frequent_weights=self.frequent_weights,
            list_starts=self.list_starts,
            list_blocks=self.list_blocks,
            list_weights=self.list_weights,
            term_maxima=self.term_maxima,
            window=self.window,
            block_size=self.block_size,
        )

    @property
    def padded_blocks(self) -> int:
        """Number of blocks, rounded up to whole chunks."""
        return _padded(self.blocks)

    @classmethod
    def open(cls, folder: Path, documents: int, dim: int, block_size: int, prefix: str = PREFIX) -> Summaries:
        """Map the files of a segment."""

        def array(name: str, dtype: npt.DTypeLike, length: int | None = None) -> npt.NDArray[Any]:
            return open_array(folder / f"{prefix}_{name}.npy", dtype, length)

        blocks = -(-documents // block_size)
        window = _window(blocks)
        # First, so that nothing of the vocabulary's size is made for one that the files do not hold.
        term_maxima = array("term_maxima", np.uint8, dim)
        frequent_terms = array(_FREQUENT_TERMS, np.uint32)
        if largest(frequent_terms) >= dim or len(np.unique(frequent_terms)) < len(frequent_terms):
            name = folder / f"{prefix}_{_FREQUENT_TERMS}.npy"
            raise IndexFormatError(f"{name}: terms are not different and in range", remedies=[BUILD_AGAIN, RESTORE])
        frequent_numbers = np.full(dim, -1, np.int32)
        frequent_numbers[frequent_terms] = np.arange(len(frequent_terms))
        frequent_weights = array(_FREQUENT_WEIGHTS, np.uint8, len(frequent_terms) * _padded(blocks))
        starts = open_offsets(folder / f"{prefix}_list_starts.npy", -(-blocks // window) * dim + 1)
        nnz = int(starts[-1])
        return cls(
            block_size=block_size,
            blocks=blocks,
            window=window,
            frequent_numbers=frequent_numbers,
            frequent_weights=frequent_weights.reshape(len(frequent_terms), _padded(blocks)),
            list_starts=starts,
            list_blocks=array("list_blocks", np.uint16, nnz),
            list_weights=array("list_weights", np.uint8, nnz),
            term_maxima=term_maxima,
        )


def write_summaries(
    folder: Path,
    forward: Postings,
    dim: int,
    block_size: int,
    frequent_share: float,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    prefix: str = PREFIX,
    *,
    compact: bool = False,
) -> None:
    """Write the files PREFIX_*.npy of a segment; `progress` is called with the number of documents gone through.

    `compact`: see `SegmentDraft`.

    Windows are summarised side by side on `threads` threads (default: as many as there are CPUs) and written in order,
    so the bytes do not depend on the threads. Each takes 3 bytes for each of a window's postings, some 60 MB for
    blocks of 4 documents of 100 terms and more for larger ones (at most 3 * frequent_share * 65,536 bytes a term of the
    vocabulary), and 24 bytes a term.
    """
    blocks = -(-len(forward) // block_size)
    window = _window(blocks)
    with executor(threads) as workers:

        def count(first: int) -> npt.NDArray[np.int64]:
            counts = np.zeros(dim, np.int64)
            last = min(first + _COUNT_AT_A_TIME, blocks)
            count_blocks(forward.indptr, forward.indices, block_size, first, last, counts, np.full(dim, -1, np.int64))
            return counts

        counts = np.zeros(dim, np.int64)
        for part in workers.map(count, range(0, blocks, _COUNT_AT_A_TIME)):
            counts += part
        frequent_terms = np.flatnonzero(counts > frequent_share * blocks).astype(np.uint32)
        frequent_numbers = np.full(dim, -1, np.int32)
        frequent_numbers[frequent_terms] = np.arange(len(frequent_terms))
        frequent_weights = new_array(
            folder / f"{prefix}_{_FREQUENT_WEIGHTS}.npy", np.uint8, len(frequent_terms) * _padded(blocks)
        )
        frequent_rows = frequent_weights.reshape(len(frequent_terms), _padded(blocks))
        term_maxima = np.zeros(dim, np.uint8)
        starts_path = folder / f"{prefix}_list_starts.npy"
        listed_postings = int(counts.sum()) - int(counts[frequent_terms].sum())

        def summarise(first: int) -> tuple[npt.NDArray[Any], ...]:
            last = min(first + window, blocks)
            return summarise_window(
                forward.indptr,
                forward.indices,
                forward.weights,
                block_size,
                first,
                last,
                frequent_numbers,
                frequent_rows,
            )

        with (
            OffsetWriter(starts_path, end=listed_postings if compact else None) as starts_file,
            ArrayWriter(folder / f"{prefix}_list_blocks.npy", np.uint16) as blocks_file,
            ArrayWriter(folder / f"{prefix}_list_weights.npy", np.uint8) as weights_file,
        ):
            starts = range(0, blocks, window)
            made = workers.map(summarise, starts, ahead=0)
            for first, (lengths, list_blocks, list_weights) in zip(starts, made, strict=True):
                starts_file.append(lengths)
                blocks_file.append(list_blocks)
                weights_file.append(list_weights)
                listed = np.flatnonzero(lengths)
                # The heaviest stands first.
                heaviest = list_weights[np.cumsum(lengths)[listed] - lengths[listed]]
                term_maxima[listed] = np.maximum(term_maxima[listed], heaviest)
                if progress is not None:
                    done = min((first + window) * block_size, len(forward)) - first * block_size
                    progress(done)
    for number, term in enumerate(frequent_terms):
        term_maxima[term] = frequent_rows[number].max()
    write_array(folder / f"{prefix}_{_FREQUENT_TERMS}.npy", frequent_terms)
    write_array(folder / f"{prefix}_term_maxima.npy", term_maxima)


def _padded(blocks: int) -> int:
    return -(-blocks // CHUNK) * CHUNK


def _window(blocks: int) -> int:
    """The smallest whole number of chunks that needs no more windows than the largest does."""
    windows = max(-(-blocks // MOST_WINDOW_BLOCKS), 1)
    return _padded(-(-blocks // windows))

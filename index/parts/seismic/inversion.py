"""Building the inverted lists in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lsr.index.format.arrays import ArrayWriter, write_array
from lsr.index.format.postings import Postings, open_postings
from lsr.index.kernels.inversion import count_terms, invert_terms

# Postings sorted at a time: 5 bytes each in memory, and one pass over the forward index for each such part.
PART_POSTINGS = 1 << 26


def write_inverted(folder: Path, forward: Postings, dim: int, part_postings: int = PART_POSTINGS) -> None:
    """Write inverted_indptr, inverted_rows and inverted_weights.

    Lists are made in runs of terms of at most `part_postings` postings (or one list, if it is longer), so memory above
    the maps is 5 bytes times that, 320 MiB by default, and 24 bytes a term.
    """
    counts = np.zeros(dim, np.int64)
    for start in range(0, len(forward.indices), part_postings):
        count_terms(forward.indices[start : start + part_postings], counts)
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    write_array(folder / "inverted_indptr.npy", indptr)
    with (
        ArrayWriter(folder / "inverted_rows.npy", np.uint32) as rows_file,
        ArrayWriter(folder / "inverted_weights.npy", np.uint8) as weights_file,
    ):
        first = 0
        while first < dim:
            last = int(np.searchsorted(indptr, indptr[first] + part_postings, side="right")) - 1
            last = max(last, first + 1)
            nnz = int(indptr[last] - indptr[first])
            rows, weights = np.empty(nnz, np.uint32), np.empty(nnz, np.uint8)
            starts = indptr[first:last] - indptr[first]
            if nnz:
                invert_terms(forward.indptr, forward.indices, forward.weights, first, starts, rows, weights)
            rows_file.append(rows)
            weights_file.append(weights)
            first = last


@contextmanager
def inverted_lists(folder: Path, forward: Postings, dim: int) -> Iterator[Postings]:
    """The inverted lists of a forward index, in files of `folder` that are removed at the end."""
    try:
        write_inverted(folder, forward, dim)
        yield open_postings(folder, dim, len(forward.indices), np.uint32, "inverted", "rows")
    finally:
        for path in folder.glob("inverted_*.npy"):
            path.unlink()

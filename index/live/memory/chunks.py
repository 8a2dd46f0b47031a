"""Inverted lists of runs of rows in memory, which tell how high scores can be.

A chunk is made when some hundred rows have come, and chunks that lie side by side are made into one when the earlier is
less than twice as large as the later: so there are few, each about twice as large as the next, and a row is inverted
again once for each doubling (the logarithmic method: Bentley and Saxe, J. Algorithms 1, 1980).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.index.kernels.inversion import count_terms, invert_terms

TAIL = 256
"""Rows that are scored one by one before they become a chunk."""

# Larger ones are left alone: a merge is in the way of the writer.
_MOST = 1 << 15


class Chunk(NamedTuple):
    """The postings of rows first … last - 1 of the memory.

    Attributes:
        columns: uint32, those that occur, ascending; starts: int64 [columns + 1], where the list of each begins.
        rows: uint32, counted from `first`, ascending in a list; weights: uint8, as the forward index has them.
    """

    first: int
    last: int
    columns: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.uint8]


def with_rows(
    chunks: tuple[Chunk, ...],
    indptr: npt.NDArray[np.int64],
    terms: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.uint8],
    columns: int,
) -> tuple[Chunk, ...]:
    """The chunks once the rows behind them are `TAIL` or more; until then, the same.

    indptr, terms, weights: the forward index of all rows, by columns, of which there are so many.
    """
    covered, rows = chunks[-1].last if chunks else 0, len(indptr) - 1
    if rows - covered < TAIL:
        return chunks
    kept, first = list(chunks), covered
    while kept and kept[-1].last - kept[-1].first < 2 * (rows - first) and rows - kept[-1].first <= _MOST:
        first = kept.pop().first
    return (*kept, invert(first, rows, indptr, terms, weights, columns))


def invert(
    first: int,
    last: int,
    indptr: npt.NDArray[np.int64],
    terms: npt.NDArray[Any],
    weights: npt.NDArray[np.uint8],
    columns: int,
) -> Chunk:
    """The chunk of rows first … last - 1 of a forward index by so many columns."""
    start, stop = int(indptr[first]), int(indptr[last])
    counts = np.zeros(columns, np.int64)
    count_terms(terms[start:stop], counts)
    used = np.flatnonzero(counts)
    starts = np.zeros(columns + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    rows, made = np.empty(stop - start, np.uint32), np.empty(stop - start, np.uint8)
    invert_terms(indptr[first : last + 1], terms, weights, 0, starts[:-1].copy(), rows, made)
    return Chunk(first, last, used.astype(np.uint32), np.append(starts[used], stop - start), rows, made)

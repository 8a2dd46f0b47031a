"""Rows of (term id, weight) pairs in any order, as files of term ids have them, brought to what SparseVectors are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.vectors.sparse import SparseVectors


def vectors_of_pairs(
    lengths: npt.ArrayLike,
    indices: npt.NDArray[np.integer],
    weights: npt.NDArray[np.number],
    ids: Sequence[str],
    dim: int,
    *,
    source: str,
    first_row: int = 0,
    sums: bool = False,
) -> SparseVectors:
    """Vectors of rows of these lengths, one after another: sorted by term id, weights of 0 dropped.

    `sums` adds up the weights of a term that stands twice in a row, which otherwise is an InputError, as is whatever
    breaks a rule of `SparseVectors`: it names the row, counted from `first_row`.
    """
    rows = np.repeat(np.arange(len(ids)), np.asarray(lengths, np.int64))
    indices, weights = np.asarray(indices), np.asarray(weights)
    if weights.dtype.kind not in "iuf" or indices.dtype.kind not in "iu":
        raise InputError(f"term ids must be integers and weights numbers, not {indices.dtype} and {weights.dtype}")
    kept = weights != 0
    order = np.lexsort((indices[kept], rows[kept]))
    rows, indices, weights = rows[kept][order], indices[kept][order], weights[kept][order]
    if sums and len(rows):
        new = np.ones(len(rows), np.bool_)
        new[1:] = (rows[1:] != rows[:-1]) | (indices[1:] != indices[:-1])
        if not new.all():
            starts = np.flatnonzero(new)
            weights = np.add.reduceat(weights, starts)
            rows, indices = rows[starts], indices[starts]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(ids)))])
    return SparseVectors(indptr, indices, weights, ids, dim, source=source, first_row=first_row)

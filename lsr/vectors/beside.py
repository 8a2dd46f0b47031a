"""Vectors of the same rows over different terms, put side by side and taken apart again."""

from __future__ import annotations

import numpy as np

from lsr.core.errors import InputError
from lsr.vectors.sparse import SparseVectors


def beside(left: SparseVectors, right: SparseVectors) -> SparseVectors:
    """Each row of the left followed by that of the right, whose terms must all be higher; dim is the right's.

    InputError for other numbers of rows. Ids are the left's.
    """
    if len(left) != len(right):
        raise InputError(f"{len(left):,} rows cannot be put beside {len(right):,}")
    own, further = np.diff(left.indptr), np.diff(right.indptr)
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(own + further)])
    indices, weights = np.empty(indptr[-1], np.uint32), np.empty(indptr[-1], np.float32)
    for part, starts, lengths in ((left, indptr[:-1], own), (right, indptr[:-1] + own, further)):
        places = np.arange(part.nnz) + np.repeat(starts - part.indptr[:-1], lengths)
        indices[places], weights[places] = part.indices, part.weights
    return SparseVectors(indptr, indices, weights, left.ids, right.dim, validate=False)


def apart(vectors: SparseVectors, first: int) -> tuple[SparseVectors, SparseVectors]:
    """The terms below `first`, and the others, with the same rows and dim: the inverse of `beside`."""
    low = vectors.indices < first
    return vectors.keep(low), vectors.keep(~low)

"""Sparse rows on their way to becoming SparseVectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lsr.vectors.sparse import SparseVectors

Row = tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]
"""Ascending term ids and their positive weights."""

NOTHING: Row = (np.empty(0, np.uint32), np.empty(0, np.float32))
"""A row without terms."""


def assemble(rows: Sequence[Row], ids: Sequence[str], dim: int) -> SparseVectors:
    """Put rows together; their order and values are trusted."""
    indptr = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(terms) for terms, _ in rows], out=indptr[1:])
    terms = np.concatenate([row[0] for row in rows]) if rows else np.empty(0, np.uint32)
    weights = np.concatenate([row[1] for row in rows]) if rows else np.empty(0, np.float32)
    return SparseVectors(indptr, terms, weights, ids, dim, validate=False)


def add(row: Row, other: Row) -> Row:
    """The sum of two rows."""
    terms = np.concatenate([row[0], other[0]])
    distinct, places = np.unique(terms, return_inverse=True)
    weights = np.zeros(len(distinct), np.float32)
    weights[places[: len(row[0])]] = row[1]
    weights[places[len(row[0]) :]] += other[1]
    return distinct, weights


def merge_max(rows: Sequence[Row]) -> Row:
    """The largest weight of each term over all rows: how the windows of a long document become one vector."""
    if len(rows) == 1:
        return rows[0]
    terms = np.concatenate([row[0] for row in rows])
    weights = np.concatenate([row[1] for row in rows])
    if not len(terms):
        return rows[0]
    order = np.argsort(terms, kind="stable")
    distinct, starts = np.unique(terms[order], return_index=True)
    return distinct, np.maximum.reduceat(weights[order], starts)

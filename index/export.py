"""The vectors of an index, as batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lsr.index.kernels.ordering import gather_documents
from lsr.index.reader import Index
from lsr.vectors import SparseVectors


def iter_vectors(index: Index, batch_rows: int = 8192) -> Iterator[SparseVectors]:
    """Every document's id, terms and weights as stored (quantised), in the order of the rows.

    Batches of `batch_rows` rows, the last one shorter; the weights are those of `Index.vector`.
    """
    segment, scale = index._segment, index._scale
    forward, deficits = segment.forward, segment.forward_deficits
    for first in range(0, len(index), batch_rows):
        rows = np.arange(first, min(first + batch_rows, len(index)))
        positions = segment.row_positions[first : first + len(rows)]
        lengths = forward.indptr[positions.astype(np.int64) + 1] - forward.indptr[positions]
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        terms = np.empty(indptr[-1], forward.indices.dtype)
        weights = np.empty(indptr[-1], np.uint8)
        gather_documents(forward.indptr, forward.indices, positions, terms)
        gather_documents(forward.indptr, forward.weights, positions, weights)
        steps = weights.astype(np.float32)
        if deficits is not None:
            fine = np.empty(indptr[-1], np.uint8)
            gather_documents(forward.indptr, deficits, positions, fine)
            steps -= fine.astype(np.float32) / 256
        yield SparseVectors(indptr, terms, steps * scale, index._segment.ids.ids(rows), index.dim, validate=False)

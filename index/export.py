"""The vectors of an index, as batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lsr.index.reader import Index
from lsr.vectors import SparseVectors


def iter_vectors(index: Index, batch_rows: int = 8192) -> Iterator[SparseVectors]:
    """Every document's id, terms and weights as stored (quantised), in the order of the rows.

    Batches of `batch_rows` rows, the last one shorter; the weights are those of `Index.vector`.
    """
    forward, scale = index._segment.forward, index._scale
    for first in range(0, len(index), batch_rows):
        rows = np.arange(first, min(first + batch_rows, len(index)))
        indptr = forward.indptr[first : first + len(rows) + 1]
        pairs = slice(indptr[0], indptr[-1])
        yield SparseVectors(
            indptr - indptr[0],
            forward.indices[pairs],
            forward.weights[pairs] * scale,
            index._segment.ids.ids(rows),
            index.dim,
            validate=False,
        )

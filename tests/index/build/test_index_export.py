"""The vectors of an index, as it gives them out again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lsr.index import Index, IndexSettings
from lsr.index.build.export import iter_vectors
from lsr.vectors.sparse import SparseVectors


@pytest.mark.parametrize("weight_bits", [8, 16, 24])
@pytest.mark.parametrize("batch_rows", [1, 64, 8192])
def test_every_row_in_order_as_the_index_has_it(build: Callable[..., Index], batch_rows: int, weight_bits: int) -> None:
    rng = np.random.default_rng(5)
    rows = [np.sort(rng.choice(90, rng.integers(0, 15), replace=False)) for _ in range(250)]
    ids = [f"id {i}" for i in rng.permutation(250)]
    vectors = SparseVectors.from_rows([(row, rng.gamma(2, 0.5, len(row)) + 0.01) for row in rows], ids, 90)
    index = build(vectors, settings=IndexSettings(weight_bits=weight_bits))
    batches = list(iter_vectors(index, batch_rows))
    assert [len(batch) for batch in batches[:-1]] == [batch_rows] * (len(batches) - 1)
    exported = SparseVectors.concatenate(batches)
    assert exported.ids == ids and exported.dim == 90 and exported.indices.dtype == np.uint32
    np.testing.assert_array_equal(exported.indptr, vectors.indptr)
    np.testing.assert_array_equal(exported.indices, vectors.indices)
    for row, (_, terms, weights) in enumerate(exported):
        stored_terms, stored_weights = index.vector(row)
        np.testing.assert_array_equal(terms, stored_terms)
        np.testing.assert_array_equal(weights, stored_weights)

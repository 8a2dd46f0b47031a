"""Inner products of a dense query with chosen dense vectors."""

from lsr.index.kernels.jit import kernel


# Reordering the sum is what lets it run on SIMD; the order is the same for every row, so equal vectors score the same.
@kernel(fastmath={"reassoc", "contract"})
def _inner_product(vectors, row, query):
    total = query.dtype.type(0)
    for i in range(query.size):
        total += vectors[row, i] * query[i]
    return total


@kernel
def inner_products(vectors, query, rows, scores):
    """Fill `scores` (float32 [n]) with the product of `query` (float32 [dim]) and `vectors` (float32 [documents, dim]).

    rows: int64 [n]: which of the vectors.
    """
    for i in range(rows.size):
        scores[i] = _inner_product(vectors, rows[i], query)

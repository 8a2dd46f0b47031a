"""Inner products of a dense query with chosen dense vectors."""

from lsr.core.jit import kernel
from lsr.index.kernels.prefetch import prefetch

# Vectors lie anywhere in memory, or on disk: they are prefetched so many rows ahead. A cache line holds 16 numbers.
_AHEAD = 4
_LINE = 16


# Reordering the sum lets it use SIMD; the order is the same for every row, so equal vectors score the same.
@kernel(fastmath={"reassoc", "contract"})
def inner_product(vectors, start, query):
    """Inner product of `query` (float32 [dim]) with the values of `vectors` (float32) from `start` on."""
    total = query.dtype.type(0)
    for i in range(query.size):
        total += vectors[start + i] * query[i]
    return total


@kernel
def inner_products(vectors, query, rows, scores):
    """Fill `scores` (float32 [n]) with the product of `query` (float32 [dim]) and rows of `vectors`.

    vectors: float32 [documents * dim], row after row; rows: int64 [n].
    """
    dim = query.size
    for i in range(rows.size):
        if i + _AHEAD < rows.size:
            ahead = rows[i + _AHEAD] * dim
            for p in range(ahead, ahead + dim, _LINE):
                prefetch(vectors, p)
        scores[i] = inner_product(vectors, rows[i] * dim, query)

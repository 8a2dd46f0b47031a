"""MaxSim of a query and documents (ColBERT: Khattab and Zaharia 2020, arXiv:2004.12832, section 3.3), read from codes.

A document's score is the sum, over the query's vectors, of the largest inner product with a vector of the document. All
vectors are whole numbers times a scale of their own, so products add up to the same in any order, on any processor.

indptr: int64 [documents + 1]: where the vectors of each document's tokens are.
codes: uint8 [vectors * bytes of a vector]. With 8 bits a byte is a number's code, from -127 to 127. With 4 bits
numbers d and half + d share byte d, the first in its low four bits, each code 8 higher than it is, from 1 to 15; half
is the number of bytes.
scales: float32 [vectors]: what a code of 1 stands for.
queries: int16 [m, n], codes of the query's vectors, n being the numbers of a vector, with 4 bits 2 * half; small enough
for sums of n products with codes of 127 to fit int32.
query_scales: float32 [m].
"""

import numpy as np

from lsr.core.jit import kernel


@kernel
def score_rows(indptr, codes, scales, bits, rows, queries, query_scales, scores):
    """Fill `scores` (float32 [n]) of the documents `rows` (int64 [n]); 0 for one without vectors."""
    vector = np.empty(queries.shape[1], np.int16)
    products = np.empty(queries.shape[0], np.float32)
    places = np.empty(queries.shape[0], np.int64)
    for i in range(rows.size):
        first, last = indptr[rows[i]], indptr[rows[i] + 1]
        score = np.float32(0)
        if first < last:
            match_vectors(codes, scales, bits, first, last, queries, vector, products, places)
            for j in range(products.size):
                score += products[j] * query_scales[j]
        scores[i] = score


@kernel
def match_vectors(codes, scales, bits, first, last, queries, vector, products, places):
    """Find the best match among the vectors first … last - 1 (at least one) for each query vector; ties: the first.

    vector: int16 [n], scratch.
    products: float32 [m], overwritten by the largest inner products, in units of the query's scales.
    places: int64 [m], overwritten by the places of these vectors, counted from `first`.
    """
    products[:] = -np.inf
    places[:] = 0  # where no product is a number, as of a damaged scale
    for position in range(first, last):
        if bits == 8:
            _unpack_bytes(codes, position, vector)
        else:
            _unpack_nibbles(codes, position, vector)
        scale = scales[position]
        for j in range(products.size):
            product = np.float32(_product(queries, j, vector)) * scale
            if product > products[j]:
                products[j] = product
                places[j] = position - first


@kernel(forceinline=True)
def _unpack_bytes(codes, position, vector):
    # Unsigned positions spare the check for negative ones.
    start = np.uint64(position * vector.size)
    for d in range(np.uint64(vector.size)):
        vector[d] = np.int8(codes[start + d])


@kernel(forceinline=True)
def _unpack_nibbles(codes, position, vector):
    half = np.uint64(vector.size // 2)
    start = np.uint64(position) * half
    for d in range(half):
        pair = codes[start + d]
        vector[d] = np.int16(pair & 15) - 8
        vector[half + d] = np.int16(pair >> 4) - 8


@kernel(forceinline=True)
def _product(queries, j, vector):
    """Inner product of whole numbers. 32 bits throughout: products of 16 bits are then added in pairs, in SIMD."""
    total = np.int32(0)
    for d in range(np.uint64(vector.size)):
        total = np.int32(total + np.int32(queries[j, d]) * np.int32(vector[d]))
    return total

"""Exact search, term at a time: every posting of every query term is added up. The oracle of all other searches."""

import numpy as np

from lsr.index.kernels.filter import is_allowed
from lsr.index.kernels.jit import kernel
from lsr.index.kernels.topk import offer, sort_best_first

# Looking up touched rows through the lists again beats a scan of all accumulators below this share of the documents.
_SPARSE_SHARE = 8


@kernel
def search_exhaustive(
    list_indptr, list_rows, list_weights, terms, term_weights, allow, accumulators, scores, rows, counters
):
    """Fill `scores` and `rows` with the best documents, best first; return how many there are.

    list_indptr: int64 [dim + 1], list_rows: uint32 [nnz], list_weights: uint8 [nnz]: the inverted lists.
    terms: uint32 [m], ascending; term_weights: float32 [m]: the query, weights times the index's scale.
    allow: uint8 bitmap of documents, or empty.
    accumulators: float32 [documents], all zero, left all zero.
    scores: float32 [k], rows: int64 [k]: the heap. counters: int64 [4]; counters[0] receives the postings added.

    Terms are added in ascending order in float32, so a score is bit for bit the one that scoring the document alone
    in term order gives. Only documents of positive score are returned.
    """
    postings = 0
    for i in range(terms.size):
        weight = term_weights[i]
        first = list_indptr[terms[i]]
        last = list_indptr[terms[i] + 1]
        postings += last - first
        # Unsigned indices spare the check for negative ones.
        for p in range(np.uint64(first), np.uint64(last)):
            accumulators[list_rows[p]] += weight * np.float32(list_weights[p])
    counters[0] = postings

    size = 0
    if postings * _SPARSE_SHARE < accumulators.size:
        for i in range(terms.size):
            for p in range(list_indptr[terms[i]], list_indptr[terms[i] + 1]):
                met = np.int64(list_rows[p])
                score = accumulators[met]
                accumulators[met] = 0
                if score > 0 and is_allowed(allow, met):
                    size = offer(scores, rows, size, score, met)
    else:
        threshold = np.float32(0)
        for row in range(accumulators.size):
            score = accumulators[row]
            accumulators[row] = 0
            # Rows ascend, so a score equal to the threshold loses its tie.
            if score > threshold and is_allowed(allow, row):
                size = offer(scores, rows, size, score, row)
                if size == scores.size:
                    threshold = scores[0]
    sort_best_first(scores, rows, size)
    return size

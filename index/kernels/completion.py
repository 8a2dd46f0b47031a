"""Completing the scores of fused documents, best bound first, until no other can be among the best."""

import numpy as np

from lsr.index.kernels.inner_products import inner_product
from lsr.index.kernels.jit import kernel
from lsr.index.kernels.scoring import empty_lookup, fill_lookup, score_document
from lsr.index.kernels.topk import offer


@kernel
def complete(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    row_positions,
    terms,
    term_weights,
    lookup,
    vectors,
    query,
    rows,
    ranks,
    scores,
    contributions,
    maps,
    kept,
    heap_scores,
    heap_rows,
):
    """Replace bounds by scores; set `kept` (bool [n]) where a document can be among the best, and its scores are true.

    forward_*, row_positions, lookup: see `lsr.index.kernels.exhaustive`; terms, term_weights: the sparse query, empty
    where the scores of documents that the sparse side did not return are known to be what stands there.
    vectors: float32 [documents * dim]; query: float32 [dim].
    rows: int64 [n]; ranks: int64 [2, n], 0 where a side did not return the document; scores: float32 [2, n];
    contributions: float64 [2, n], from above where the rank is 0.
    maps: float64 [2, 3]: shift, factor and share of each side: share * ((score - shift) * factor) is a contribution.
    heap_scores: float64 [k], heap_rows: int64 [k]: memory for the best.
    """
    fill_lookup(lookup, terms, term_weights)
    dim, size = query.size, 0
    # Stable, so that the same documents are kept whatever else is there.
    for at in np.argsort(-(contributions[0] + contributions[1]), kind="mergesort"):
        bound = contributions[0, at] + contributions[1, at]
        if size == heap_scores.size and bound < heap_scores[0]:
            break
        row = rows[at]
        if ranks[0, at] == 0 and terms.size:
            position = np.int64(row_positions[row])
            scores[0, at] = score_document(
                forward_indptr, forward_terms, forward_weights, forward_deficits, position, lookup
            )
            contributions[0, at] = maps[0, 2] * ((np.float64(scores[0, at]) - maps[0, 0]) * maps[0, 1])
        if ranks[1, at] == 0:
            scores[1, at] = inner_product(vectors, row * dim, query)
            contributions[1, at] = maps[1, 2] * ((np.float64(scores[1, at]) - maps[1, 0]) * maps[1, 1])
        kept[at] = True
        size = offer(heap_scores, heap_rows, size, contributions[0, at] + contributions[1, at], row)
    empty_lookup(lookup, terms)

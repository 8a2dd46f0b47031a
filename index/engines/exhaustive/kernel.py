"""Exhaustive search, document at a time: every document is scored in full. The oracle of all other searches."""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.filter import is_allowed
from lsr.index.kernels.scoring import ForwardArguments, empty_lookup, fill_lookup, score_document
from lsr.index.kernels.topk import offer, sort_positive_best_first

SEARCH_ALL_GROUPS = (ForwardArguments,)


@kernel
def search_all(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    document_rows,
    terms,
    term_turns,
    term_weights,
    allow,
    lookup,
    scores,
    rows,
):
    """Fill `scores` (float32 [k]) and `rows` (int64 [k]), best first; return (how many there are, documents scored).

    forward_*, lookup: see `lsr.index.kernels.scoring`; lookup is empty before and after.
    document_rows: uint32 [documents]: the row of each position.
    terms: uint32 [m], ascending; term_turns: int32, see `common_terms`; term_weights: float32 [m].
    allow: bitmap of rows, or empty.
    Only documents of positive score are returned.
    """
    fill_lookup(lookup, terms, term_turns, term_weights)
    size, scored = 0, 0
    for position in range(forward_indptr.size - 1):
        row = np.int64(document_rows[position])
        if is_allowed(allow, row):
            scored += 1
            score = score_document(
                forward_indptr,
                forward_terms,
                forward_weights,
                forward_deficits,
                forward_rare_indptr,
                forward_rare_turns,
                position,
                lookup,
            )
            if score > 0 and (size < scores.size or score >= scores[0]):
                size = offer(scores, rows, size, score, row)
    empty_lookup(lookup, terms)
    sort_positive_best_first(scores, rows, size)
    return size, scored

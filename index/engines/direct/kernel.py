"""Scoring single, scattered rows: the few that a filter allows, or those that a caller names."""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.scoring import (
    ForwardArguments,
    empty_lookup,
    fill_lookup,
    prefetch_documents,
    score_document,
)
from lsr.index.kernels.topk import offer, sort_positive_best_first

# Scattered documents are prefetched this many documents before they are scored.
PREFETCH_AHEAD = 8


SEARCH_ALLOWED_GROUPS = (ForwardArguments,)


@kernel
def search_allowed(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    row_positions,
    terms,
    term_turns,
    term_weights,
    allowed,
    lookup,
    scores,
    rows,
):
    """Fill `scores` (float32 [k]) and `rows` (int64 [k]), best first; return (how many there are, documents scored).

    forward_*, lookup: see `lsr.index.kernels.scoring`; lookup is empty before and after.
    row_positions: uint32 [documents]: the position of each row.
    terms: uint32 [m], ascending; term_turns: int32, see `common_terms`; term_weights: float32 [m].
    allowed: int64, the rows to score. Only those of positive score are returned.
    """
    fill_lookup(lookup, terms, term_turns, term_weights)
    size = 0
    for i in range(allowed.size):
        if i + PREFETCH_AHEAD < allowed.size:
            ahead = np.int64(row_positions[allowed[i + PREFETCH_AHEAD]])
            prefetch_documents(forward_indptr, forward_terms, forward_weights, ahead, ahead + 1)
        position = np.int64(row_positions[allowed[i]])
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
            size = offer(scores, rows, size, score, allowed[i])
    empty_lookup(lookup, terms)
    sort_positive_best_first(scores, rows, size)
    return size, allowed.size


SCORE_EACH_GROUPS = (ForwardArguments,)


@kernel
def score_each(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    row_positions,
    terms,
    term_turns,
    term_weights,
    rows,
    lookup,
    scores,
):
    """Fill `scores` (float32 [n]) with those of `rows` (int64 [n]), in order; the rest as in `search_allowed`."""
    fill_lookup(lookup, terms, term_turns, term_weights)
    for i in range(rows.size):
        if i + PREFETCH_AHEAD < rows.size:
            ahead = np.int64(row_positions[rows[i + PREFETCH_AHEAD]])
            prefetch_documents(forward_indptr, forward_terms, forward_weights, ahead, ahead + 1)
        position = np.int64(row_positions[rows[i]])
        scores[i] = score_document(
            forward_indptr,
            forward_terms,
            forward_weights,
            forward_deficits,
            forward_rare_indptr,
            forward_rare_turns,
            position,
            lookup,
        )
    empty_lookup(lookup, terms)

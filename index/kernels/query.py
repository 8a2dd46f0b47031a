"""Checking a query."""

import numpy as np

from lsr.core.jit import kernel

OK, OUT_OF_VOCABULARY, BAD_WEIGHT, NOT_ASCENDING, OUT_OF_RANGE = range(5)

_SMALLEST = np.finfo(np.float32).tiny
# Times 255, the largest stored weight, this is still a finite score.
_LARGEST_SUM = float(np.finfo(np.float32).max) / 256


@kernel
def prepare_query(terms, weights, dim, scale, scaled):
    """Check a query and scale its weights.

    terms: uint32 [m], to be strictly ascending and below `dim`. weights: float32 [m], to be finite and positive.
    scaled: float32 [m], receives weights * scale, so that `scaled` times a stored uint8 weight is a score. Each must
    be a normal number, and the largest score that they can add up to finite.

    Returns (code, position): OK, or the first rule that is broken and where.
    """
    for i in range(terms.size):
        if terms[i] >= dim:
            return OUT_OF_VOCABULARY, i
        if not (weights[i] > 0 and weights[i] < np.inf):
            return BAD_WEIGHT, i
        scaled[i] = weights[i] * scale
    total = 0.0
    for i in range(terms.size):
        total += scaled[i]
        if scaled[i] < _SMALLEST or total > _LARGEST_SUM:
            return OUT_OF_RANGE, i
    for i in range(1, terms.size):
        if terms[i] <= terms[i - 1]:
            return NOT_ASCENDING, i
    return OK, 0


@kernel
def prepare_queries(indptr, terms, weights, dim, scale, scaled):
    """`prepare_query` for one query after another; return the first one that breaks a rule, or -1.

    indptr: int64 [n + 1]; terms, weights, scaled: those of all queries.
    """
    for q in range(indptr.size - 1):
        part = slice(indptr[q], indptr[q + 1])
        code, _ = prepare_query(terms[part], weights[part], dim, scale, scaled[part])
        if code != OK:
            return q
    return -1

"""Checking a query, and rounding its weights so that scores are exact sums."""

import math

import numpy as np

from lsr.core.jit import kernel

OK, OUT_OF_VOCABULARY, BAD_WEIGHT, NOT_ASCENDING, OUT_OF_RANGE = range(5)

_SMALLEST = np.finfo(np.float32).tiny
# Times 255, the largest stored weight, this is still a finite score.
_LARGEST_SUM = float(np.finfo(np.float32).max) / 256
# A float64 holds every whole number up to 2 to the power of this.
_WHOLE_BITS = 53


@kernel
def prepare_query(terms, weights, dim, scale, weight_bits, scaled):
    """Check a query, and scale and round its weights.

    terms: uint32 [m], to be strictly ascending and below `dim`. weights: float32 [m], to be finite and positive.
    weight_bits: of a stored weight, 8, 16 or 24.
    scaled: float32 [m], receives weights * scale, so that `scaled` times a stored uint8 weight is a score; rounded as
    `_round` says. Each must be a normal number, and the largest score that they can add up to finite.

    Returns (code, position): OK, or the first rule that is broken and where.
    """
    for i in range(terms.size):
        if terms[i] >= dim:
            return OUT_OF_VOCABULARY, i
        if not (weights[i] > 0 and weights[i] < np.inf):
            return BAD_WEIGHT, i
        scaled[i] = weights[i] * scale
    for i in range(terms.size):
        if scaled[i] < _SMALLEST or scaled[i] > _LARGEST_SUM:
            return OUT_OF_RANGE, i
    _round(scaled, weight_bits)
    total = 0.0
    for i in range(terms.size):
        total += scaled[i]
        if total > _LARGEST_SUM:
            return OUT_OF_RANGE, i
    for i in range(1, terms.size):
        if terms[i] <= terms[i - 1]:
            return NOT_ASCENDING, i
    return OK, 0


@kernel
def _round(scaled, weight_bits):
    """Round weights to multiples of one power of two, none of them to 0: half up to the even one, and at least to one.

    scaled: float32 [m], normal numbers, changed in place.

    That unit is 2^-b of the largest power of two that the heaviest weight reaches. So a weight is below 2^(b + 1)
    units, or equal, a stored weight below 2^weight_bits of its smallest steps, and the sum of m products below 2^53
    products of the two, for b = 52 - weight_bits - ceil(log2(m)): it is exact in float64, in whatever order it is
    added up. A float32 of 24 bits is changed only if it is 2^(b - 23) times lighter than the heaviest: with 8 bits,
    and up to 64 terms, 30,000 times.
    """
    heaviest = np.float32(0)
    for i in range(scaled.size):
        heaviest = max(heaviest, scaled[i])
    _, exponent = math.frexp(np.float64(heaviest))  # the heaviest is at least half of 2^exponent, and below it
    bits, terms = _WHOLE_BITS - 1 - weight_bits, 1
    while terms < scaled.size:
        bits, terms = bits - 1, 2 * terms
    unit = math.ldexp(1.0, exponent - 1 - bits)
    for i in range(scaled.size):
        scaled[i] = max(np.rint(scaled[i] / unit), 1.0) * unit


@kernel
def prepare_queries(indptr, terms, weights, dim, scale, weight_bits, scaled):
    """`prepare_query` for one query after another; return the first one that breaks a rule, or -1.

    indptr: int64 [n + 1]; terms, weights, scaled: those of all queries.
    """
    for q in range(indptr.size - 1):
        part = slice(indptr[q], indptr[q + 1])
        code, _ = prepare_query(terms[part], weights[part], dim, scale, weight_bits, scaled[part])
        if code != OK:
            return q
    return -1


@kernel
def share_columns(terms, weights, turns, first, shared):
    """Put the rare terms of a query by the columns that they share (`lsr.index.format.columns.SharedColumns`).

    terms: uint32 [m], ascending; weights: float32 [m]. Terms from `first` on become columns, those of one column in the
    order of their turns, and weights go with them; turns: int32 [m], receives -1 for the others.
    By insertion: for the few terms that a query has.
    """
    common = 0
    while common < terms.size and terms[common] < first:
        turns[common] = -1
        common += 1
    for i in range(common, terms.size):
        turn, offset = divmod(np.int64(terms[i]) - first, shared)
        column, weight, at = first + offset, weights[i], i
        while at > common and (terms[at - 1] > column or (terms[at - 1] == column and turns[at - 1] > turn)):
            terms[at], weights[at], turns[at] = terms[at - 1], weights[at - 1], turns[at - 1]
            at -= 1
        terms[at], weights[at], turns[at] = column, weight, turn

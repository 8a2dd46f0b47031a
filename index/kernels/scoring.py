"""Scoring single documents from the forward index.

forward_indptr: int64 [documents + 1]; forward_terms: unsigned [nnz], ascending within a document;
forward_weights: uint8 [nnz]; forward_deficits: uint8 or uint16 [nnz], or None in an index of 8 bits a weight: a weight
is forward_weights - forward_deficits / 256 (or 65,536) steps.
forward_rare_indptr: int64 [documents + 1]; forward_rare_turns: uint16: where rare terms share the last columns
(`lsr.index.format.columns`), the turns of a document's last postings, which are those of such columns; else two zeros,
and nothing.
lookup: the query, as (places: unsigned, one for each term id that two bytes can hold, or [dim + 1] in larger
vocabularies; weights: float64 [m + 1]; rare: uint32 [m + 2]): the weight of a term is weights[places[term]]; places and
weights[0] are zero. Places of one byte stay in the nearest cache where a weight for each term of the vocabulary would
not. Rare terms have no place, for others share their columns: rare[0] is their number, mostly 0, rare[1] where the
weight of the first stands (1 where no other term is asked for), and then follow their keys, ascending.

Of a damaged index, a search may read any term id: there is a place for each that two bytes can hold, and greater ones
than there are terms share the last, which is zero, so nothing outside of the arrays is read.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.jit import kernel
from lsr.index.kernels.integers import larger
from lsr.index.kernels.prefetch import prefetch

# So many rare terms of a query are looked for among a document's columns before its turns are read.
_FEW_RARE = 8
# What `lookup` is.
Lookup = tuple[npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.uint32]]


class ForwardArguments(NamedTuple):
    """The forward index, as kernels take it first."""

    forward_indptr: npt.NDArray[np.int64]
    forward_terms: npt.NDArray[Any]
    forward_weights: npt.NDArray[np.uint8]
    forward_deficits: npt.NDArray[Any] | None
    forward_rare_indptr: npt.NDArray[np.int64]
    forward_rare_turns: npt.NDArray[np.uint16]


@kernel
def rare_keys(columns, turns):
    """What rare terms are compared by, uint32 [n]: ascending in the order of a row."""
    keys = np.empty(columns.size, np.uint32)
    for i in range(columns.size):
        keys[i] = _key(columns[i], turns[i])
    return keys


@kernel(forceinline=True)
def _key(column, turn):
    return np.uint32((np.uint64(column) << np.uint64(16)) | np.uint64(turn))


@kernel
def common_terms(terms, term_turns):
    """How many of the first terms of a query have a column of their own.

    term_turns: int32 [m], -1 for such a term and the turn of a rare one, which stand last; or empty: all have one.
    """
    count = terms.size
    while term_turns.size and count > 0 and term_turns[count - 1] >= 0:
        count -= 1
    return count


@kernel
def fill_lookup(lookup, terms, term_turns, term_weights):
    """Put a query into an empty lookup; term_turns: see `common_terms`."""
    places, weights, rare = lookup
    common = common_terms(terms, term_turns)
    for i in range(common):
        places[terms[i]] = i + 1
        weights[i + 1] = term_weights[i]
    rare[0] = terms.size - common
    rare[1] = common + 1
    for i in range(common, terms.size):
        weights[i + 1] = term_weights[i]
        rare[2 + i - common] = _key(terms[i], term_turns[i])


@kernel
def empty_lookup(lookup, terms):
    """Empty the lookup again."""
    places, _, rare = lookup
    for term in terms:
        places[term] = 0
    rare[0] = 0


@kernel(forceinline=True)
def _place(places, terms, p):
    # A constant once the type is known, which an array's itemsize is not: only one of the branches is compiled.
    if terms.dtype.type(1 << 16) == 0:
        return places[terms[p]]
    return places[min(np.uint64(terms[p]), np.uint64(places.size - 1))]


@kernel(forceinline=True)
def _steps(weights, deficits, p):
    # Numba compiles only the branches that the types of the arguments choose.
    if deficits is None:
        return np.float64(weights[p])
    part = 1 / 256 if deficits.dtype.type(1 << 8) == 0 else 1 / 65_536
    return np.float64(weights[p]) - np.float64(deficits[p]) * part


@kernel(forceinline=True)
def _product(places, query_weights, terms, weights, deficits, p):
    return query_weights[_place(places, terms, p)] * _steps(weights, deficits, p)


@kernel(forceinline=True)
def score_document(
    forward_indptr,
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    position,
    lookup,
):
    """Inner product of one document with a query: the exact sum, rounded to float32.

    Weights are rounded (`lsr.index.kernels.query`) so that no sum in float64 is: whatever the order, and wherever a
    term's column is, the score is the same to the bit.
    """
    places, weights, rare = lookup
    score = 0.0
    # Unsigned positions spare the check for negative ones.
    first, last = np.uint64(forward_indptr[position]), np.uint64(forward_indptr[position + 1])
    # A query without common terms, rare[1] being 1, reads no place. Here and below, loops that are not entered stand
    # where a branch would make Numba count references to the arrays, for each document.
    stop = last if rare[1] != 1 else first
    # Four sums: one alone would wait for each addition to end before the next.
    second, third, fourth = 0.0, 0.0, 0.0
    fours = (stop - first) >> np.uint64(2)
    for four in range(fours):
        p = first + (four << np.uint64(2))
        score += _product(places, weights, forward_terms, forward_weights, forward_deficits, p)
        second += _product(places, weights, forward_terms, forward_weights, forward_deficits, p + np.uint64(1))
        third += _product(places, weights, forward_terms, forward_weights, forward_deficits, p + np.uint64(2))
        fourth += _product(places, weights, forward_terms, forward_weights, forward_deficits, p + np.uint64(3))
    for p in range(first + (fours << np.uint64(2)), stop):
        score += _product(places, weights, forward_terms, forward_weights, forward_deficits, p)
    score += second + (third + fourth)
    return np.float32(
        _add_rare(
            forward_terms,
            forward_weights,
            forward_deficits,
            forward_rare_indptr,
            forward_rare_turns,
            position,
            first,
            last,
            weights,
            rare,
            score,
        )
    )


@kernel(forceinline=True)
def _add_rare(
    forward_terms,
    forward_weights,
    forward_deficits,
    forward_rare_indptr,
    forward_rare_turns,
    position,
    first,
    last,
    weights,
    rare,
    score,
):
    """`score` and, added to it, what the rare terms of the document's postings first … last - 1 add."""
    asked = np.uint64(rare[0])
    # A few are first looked for among the columns, of which many are compared at once.
    held = forward_terms.dtype.type(asked > _FEW_RARE)
    for q in range(np.uint64(2), asked + np.uint64(2) if held == 0 else np.uint64(2)):
        column = forward_terms.dtype.type(rare[q] >> 16)
        for p in range(first, last):
            held = larger(held, forward_terms.dtype.type(forward_terms[p] == column))
    stop = asked if held else np.uint64(0)
    at = position if held else 0
    turn, end = np.uint64(forward_rare_indptr[at]), np.uint64(forward_rare_indptr[at + 1])
    # Of a damaged index, a document may have more turns than postings.
    p = last - min(end - turn, last - first)
    q = np.uint64(0)
    while p < last and q < stop:
        key, wanted = _key(forward_terms[p], forward_rare_turns[turn]), rare[q + np.uint64(2)]
        if key == wanted:
            score += weights[rare[1] + q] * _steps(forward_weights, forward_deficits, p)
        if key >= wanted:
            q += np.uint64(1)
        if key <= wanted:
            p += np.uint64(1)
            turn += np.uint64(1)
    return score


@kernel(forceinline=True)
def prefetch_documents(forward_indptr, forward_terms, forward_weights, first, last):
    """Start loading the pairs of documents first … last - 1, if there are such."""
    if first >= last or last >= forward_indptr.size:
        return
    start, stop = forward_indptr[first], forward_indptr[last]
    for p in range(start, stop + 63, 64):
        prefetch(forward_weights, p)
    for p in range(start, stop + 31, 64 // forward_terms.itemsize):
        prefetch(forward_terms, p)

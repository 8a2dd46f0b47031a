"""Scoring single documents from the forward index.

forward_indptr: int64 [documents + 1]; forward_terms: unsigned [nnz], ascending within a document;
forward_weights: uint8 [nnz]; forward_deficits: uint8 [nnz], or None in an index of 8 bits a weight: a weight is
forward_weights - forward_deficits / 256 steps.
lookup: the query, as (places: unsigned, one for each term id that two bytes can hold, or [dim + 1] in larger
vocabularies; weights: float32 [m + 1]): the weight of a term is weights[places[term]]; places and weights[0] are zero.
Places of one byte stay in the nearest cache where a weight for each term of the vocabulary would not.

Of a damaged index, a search may read any term id: there is a place for each that two bytes can hold, and greater ones
than there are terms share the last, which is zero, so nothing outside of the arrays is read.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.jit import kernel
from lsr.index.kernels.prefetch import prefetch

# What `lookup` is.
Lookup = tuple[npt.NDArray[Any], npt.NDArray[np.float32]]


class ForwardArguments(NamedTuple):
    """The forward index, as kernels take it first."""

    forward_indptr: npt.NDArray[np.int64]
    forward_terms: npt.NDArray[Any]
    forward_weights: npt.NDArray[np.uint8]
    forward_deficits: npt.NDArray[np.uint8] | None


@kernel
def fill_lookup(lookup, terms, term_weights):
    """Put a query into an empty lookup."""
    places, weights = lookup
    for i in range(terms.size):
        places[terms[i]] = i + 1
        weights[i + 1] = term_weights[i]


@kernel
def empty_lookup(lookup, terms):
    """Empty the lookup again."""
    places, _ = lookup
    for term in terms:
        places[term] = 0


@kernel(forceinline=True)
def _place(places, terms, p):
    # Numba knows the size of the type, and compiles only one of the branches.
    if terms.itemsize == 2:
        return places[terms[p]]
    return places[min(np.uint64(terms[p]), np.uint64(places.size - 1))]


@kernel(forceinline=True)
def score_document(forward_indptr, forward_terms, forward_weights, forward_deficits, position, lookup):
    """Inner product of one document with a query, added in ascending term order in float32."""
    places, weights = lookup
    score = np.float32(0)
    # Unsigned positions spare the check for negative ones.
    first, last = np.uint64(forward_indptr[position]), np.uint64(forward_indptr[position + 1])
    # Numba compiles only the branch that the type of the argument chooses.
    if forward_deficits is None:
        for p in range(first, last):
            score += weights[_place(places, forward_terms, p)] * np.float32(forward_weights[p])
    else:
        for p in range(first, last):
            steps = np.float32(forward_weights[p]) - np.float32(forward_deficits[p]) * np.float32(1 / 256)
            score += weights[_place(places, forward_terms, p)] * steps
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

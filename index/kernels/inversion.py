"""Making inverted lists from the forward index by counting sort."""

import numpy as np

from lsr.core.jit import kernel


@kernel
def count_terms(forward_terms, counts):
    """Add to counts (int64 [dim]) the number of times that each term occurs in forward_terms (unsigned [m])."""
    for p in range(forward_terms.size):
        counts[forward_terms[p]] += 1


@kernel
def invert_terms(forward_indptr, forward_terms, forward_weights, first_term, starts, rows, weights):
    """Scatter the postings of terms first_term … first_term + len(starts) - 1.

    forward_indptr: int64 [documents + 1]; forward_terms: unsigned [nnz]; forward_weights: uint8 [nnz].
    starts: int64, where each term's list begins in `rows` (uint32) and `weights` (uint8); afterwards, where it ends.
    Rows ascend within a list.
    """
    terms = starts.size
    for row in range(forward_indptr.size - 1):
        for p in range(forward_indptr[row], forward_indptr[row + 1]):
            term = np.int64(forward_terms[p]) - first_term
            if 0 <= term < terms:
                at = starts[term]
                rows[at] = row
                weights[at] = forward_weights[p]
                starts[term] = at + 1

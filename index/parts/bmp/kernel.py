"""Finding each term's largest weights, from which Block-Max Pruning starts its threshold."""

import numpy as np

from lsr.core.jit import kernel


@kernel
def count_weights(forward_terms, forward_weights, first_term, most, counts):
    """Count how often each weight occurs with each of the terms from first_term on.

    counts: uint16 [terms, 256], added to; a count stops at `most`.
    """
    for p in range(forward_terms.size):
        term = np.int64(forward_terms[p]) - first_term
        if 0 <= term < counts.shape[0] and counts[term, forward_weights[p]] < most:
            counts[term, forward_weights[p]] += 1


@kernel
def kth_largest(counts, levels, kth_weights):
    """The k-th largest weight of each term, for some k.

    counts: [terms, 256], see `count_weights`. levels: int64, the values of k, ascending.
    kth_weights: uint8 [levels, terms], receives the weights; 0 if a term occurs in fewer documents.
    """
    for term in range(counts.shape[0]):
        kth_weights[:, term] = 0
        reached, level = 0, 0
        for weight in range(255, 0, -1):
            reached += counts[term, weight]
            while level < levels.size and reached >= levels[level]:
                kth_weights[level, term] = weight
                level += 1

"""Integer query weights, whose sums bound the scores of blocks, and the memory that they are added up in."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.jit import kernel
from lsr.index.kernels.accumulate import FREQUENT_CUT

# A score is a sum rounded to float32, so by at most 2^-24 of it larger; what float64 adds to that is next to nothing.
ROUNDING = 2.0**-23
# Sums of bounds seldom reach half of their possible maximum: the headroom is used for precision, and sums that exceed
# it stop at the largest integer.
_HEADROOM = 2.0


class BoundArguments(NamedTuple):
    """Scratch memory for adding up and ranking the bounds of all blocks, in accumulators of one unsigned type.

    weights, frequent_factors and maxima have that type too; see `accumulate` and `gather`.
    """

    weights: npt.NDArray[Any]
    cuts: npt.NDArray[np.int64]
    frequent_rows: npt.NDArray[np.int64]
    frequent_factors: npt.NDArray[Any]
    accumulators: npt.NDArray[Any]
    maxima: npt.NDArray[Any]
    histogram: npt.NDArray[np.int64]
    ordered: npt.NDArray[np.uint32]


@kernel
def bound_scale(terms, term_weights, term_maxima, largest):
    """The scale of a query's integer weights (integer for 1.0 of a score), and what its strongest term can add.

    largest: the largest value of the accumulators' type; no product of a weight with a stored one exceeds it.
    """
    possible, strongest, heaviest = 0.0, 0.0, 0.0
    for i in range(terms.size):
        product = np.float64(term_weights[i]) * term_maxima[terms[i]]
        possible += product
        strongest = max(strongest, product)
        heaviest = max(heaviest, np.float64(term_weights[i]))
    return min(_HEADROOM * largest / max(possible, 1e-300), (largest // 255 - 1) / max(heaviest, 1e-300)), strongest


@kernel
def integer_weights(terms, term_weights, term_maxima, scale, strongest, cut, weights, cuts):
    """Choose integer query weights whose sums bound the scores.

    scale, strongest: see `bound_scale`. cut: weights that add less than this share of what the query's strongest term
    can add are left out by `cuts`. weights: unsigned [m], cuts: int64 [m], receive the choice.
    """
    for i in range(terms.size):
        weights[i] = weights.dtype.type(np.ceil(term_weights[i] * scale))
        # Beyond 255 nothing is left of a list.
        cuts[i] = max(1, np.int64(min(np.ceil(cut * strongest / term_weights[i]), 256.0)))
        if np.float64(term_weights[i]) * term_maxima[terms[i]] == strongest:
            # The strongest is added whatever the cut, or nothing might be found.
            cuts[i] = max(1, min(cuts[i], np.int64(term_maxima[terms[i]]) // FREQUENT_CUT))

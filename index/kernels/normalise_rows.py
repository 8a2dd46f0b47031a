"""Preparing dense vectors for storage or search."""

import numpy as np

from lsr.core.jit import kernel

# What the squares of float32 values that make a vector of length one may miss 1 by: twice the rounding of each.
ROUNDING = 2.0**-22


@kernel
def prepare_rows(given, is_cosine, prepared):
    """Fill `prepared` (float32 [n, dim]) with the first values of each row of `given` (float32 [n, ≥ dim]).

    With `is_cosine` they are scaled to length one; rows of zeros stay zero, and those whose length is one but for the
    rounding of their values stay as they are, so that preparing twice is preparing once. Returns the first row of
    `given` with a value that is not finite, or -1.
    """
    for row in range(given.shape[0]):
        dim, squares, is_finite = prepared.shape[1], 0.0, True
        for i in range(given.shape[1]):
            is_finite &= np.isfinite(given[row, i])
            if i < dim:
                squares += np.float64(given[row, i]) * np.float64(given[row, i])
        if not is_finite:
            return row
        scaled = is_cosine and squares > 0 and abs(squares - 1.0) > ROUNDING
        length = np.sqrt(squares) if scaled else 1.0
        for i in range(dim):
            prepared[row, i] = given[row, i] / length
    return -1

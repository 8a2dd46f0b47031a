"""Preparing dense vectors for storage or search."""

import numpy as np

from lsr.core.jit import kernel


@kernel
def prepare_rows(given, is_cosine, prepared):
    """Fill `prepared` (float32 [n, dim]) with the first values of each row of `given` (float32 [n, ≥ dim]).

    With `is_cosine` they are scaled to length one; rows of zeros stay zero. Returns the first row of `given` with a
    value that is not finite, or -1.
    """
    for row in range(given.shape[0]):
        dim, squares, is_finite = prepared.shape[1], 0.0, True
        for i in range(given.shape[1]):
            is_finite &= np.isfinite(given[row, i])
            if i < dim:
                squares += np.float64(given[row, i]) * np.float64(given[row, i])
        if not is_finite:
            return row
        length = np.sqrt(squares) if is_cosine and squares > 0 else 1.0
        for i in range(dim):
            prepared[row, i] = given[row, i] / length
    return -1

"""A query as the index takes it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SparseQuery = tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]
DenseQuery = npt.NDArray[np.float32]


class HybridQuery(NamedTuple):
    """A query for both sides: (term ids, weights) and float32 [dim]; None for a side that is not searched."""

    sparse: SparseQuery | None = None
    dense: DenseQuery | None = None

"""Making one ranking of two: the formulas."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.errors import InputError
from lsr.index.kernels.fusion import join_rankings

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


class Normaliser(NamedTuple):
    """An affine map of a side's scores: (score - shift) * factor."""

    shift: float
    factor: float

    def __call__(self, scores: npt.ArrayLike) -> Scores:
        return (np.asarray(scores, np.float64) - self.shift) * self.factor


IDENTITY = Normaliser(0.0, 1.0)


def normaliser(method: str, scores: npt.ArrayLike, least: float | None = None) -> Normaliser:
    """The map that a side's returned scores ask for.

    "tmm" takes `least`, the least that a score can be, to 0 and the greatest to 1, and is min_max for a side without
    one. "min_max" takes the least of them to 0 and the greatest to 1; "z_score" makes their mean 0 and their standard
    deviation 1; "none" leaves them. Scores that are all the same become 1 under min_max and 0 under z_score; no scores,
    themselves.
    """
    values = np.asarray(scores, np.float64)
    if method == "none" or not len(values):
        return IDENTITY
    if method in ("tmm", "min_max"):
        most = float(values.max())
        if method == "min_max" or least is None:
            least = float(values.min())
        return Normaliser(least, 1 / (most - least)) if most > least else Normaliser(most - 1, 1.0)
    if method == "z_score":
        deviation = float(values.std())
        return Normaliser(float(values.mean()), 1 / deviation if deviation > 0 else 1.0)
    raise InputError(f"scores are normalised by tmm, min_max, z_score or none, not {method!r}")


def reciprocal_ranks(ranks: npt.NDArray[np.int64], constant: float) -> Scores:
    """1 / (constant + rank); 0 for rank 0, which stands for a document that was not returned."""
    return np.where(ranks > 0, 1 / (constant + np.maximum(ranks, 1)), 0.0)


def union(sparse: Rows, dense: Rows) -> tuple[Rows, Rows, Rows]:
    """Rows that either side returned, ascending, and the rank of each on both sides, 0 where it was not returned."""
    rows, sparse_ranks, dense_ranks = np.empty((3, len(sparse) + len(dense)), np.int64)
    count = join_rankings(sparse, dense, rows, sparse_ranks, dense_ranks)
    return rows[:count], sparse_ranks[:count], dense_ranks[:count]

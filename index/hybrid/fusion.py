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
    """The map that a side's returned scores, best first, ask for.

    "tmm" takes `least`, the least that a score can be, to 0 and the greatest to 1, and is min_max for a side without
    one. "min_max" takes the least of them to 0 and the greatest to 1; "z_score" makes their mean 0 and their standard
    deviation 1; "none" leaves them. Scores that are all the same become 1 under min_max and 0 under z_score; no scores,
    themselves.
    """
    values = np.asarray(scores)
    if method == "none" or not len(values):
        return IDENTITY
    if method in ("tmm", "min_max"):
        most = float(values[0])
        if method == "min_max" or least is None:
            least = float(values[-1])
        return Normaliser(least, 1 / (most - least)) if most > least else Normaliser(most - 1, 1.0)
    if method == "z_score":
        values = values.astype(np.float64)
        deviation = float(values.std())
        return Normaliser(float(values.mean()), 1 / deviation if deviation > 0 else 1.0)
    raise InputError(f"scores are normalised by tmm, min_max, z_score or none, not {method!r}")


def reciprocal_ranks(ranks: npt.NDArray[np.int64], constant: float) -> Scores:
    """1 / (constant + rank); 0 for rank 0, which stands for a document that was not returned."""
    return np.where(ranks > 0, 1 / (constant + np.maximum(ranks, 1)), 0.0)


def union(
    sparse: tuple[Rows, npt.NDArray[np.float32]],
    dense: tuple[Rows, npt.NDArray[np.float32]],
    absent: tuple[float, float],
) -> tuple[Rows, npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows that either side returned, ascending; the rank of each on both sides, from 1; its score on both sides.

    sparse, dense: (rows, scores), best first; absent: what stands for the score on the sparse and the dense side of a
    row that it did not return, whose rank is 0. Ranks are int64 [2, n], scores float32 [2, n].
    """
    most = len(sparse[0]) + len(dense[0])
    rows, ranks, scores = np.empty(most, np.int64), np.empty((2, most), np.int64), np.empty((2, most), np.float32)
    count = join_rankings(*sparse, *dense, np.array(absent, np.float32), rows, ranks, scores)
    return rows[:count], ranks[:, :count], scores[:, :count]

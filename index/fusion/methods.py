"""The formulas of fusion, which makes one ranking of two: METHODS.

Does not load NumPy: a command line needs the methods' names before it knows whether there is anything to compute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Normaliser(NamedTuple):
    """An affine map of a side's scores: (score - shift) * factor."""

    shift: float
    factor: float

    def __call__(self, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
        import numpy as np

        return (np.asarray(scores, np.float64) - self.shift) * self.factor


IDENTITY = Normaliser(0.0, 1.0)

# The map for a side's returned scores, of which there is at least one. They come best first, with the least that a
# score of that side can be, or None if there is no such bound.
Formula = Callable[["npt.NDArray[Any]", "float | None"], Normaliser]
# What each rank divides a side's share by, of the ranks (float64, from 1) and the search's `rank_constant`: positive.
RankFormula = Callable[["npt.NDArray[np.float64]", float], "npt.NDArray[np.float64]"]


def _tmm(scores: npt.NDArray[Any], least: float | None) -> Normaliser:
    if least is None:
        return _min_max(scores, None)
    return _between(least, float(scores[0]))


def _min_max(scores: npt.NDArray[Any], least: float | None) -> Normaliser:
    return _between(float(scores[-1]), float(scores[0]))


def _between(least: float, most: float) -> Normaliser:
    """Map the least to 0 and the greatest to 1; if they are equal, map to 1."""
    return Normaliser(least, 1 / (most - least)) if most > least else Normaliser(most - 1, 1.0)


def _z_score(scores: npt.NDArray[Any], least: float | None) -> Normaliser:
    values = scores.astype("float64")
    deviation = float(values.std())
    return Normaliser(float(values.mean()), 1 / deviation if deviation > 0 else 1.0)


def _none(scores: npt.NDArray[Any], least: float | None) -> Normaliser:
    return IDENTITY


def _reciprocal(ranks: npt.NDArray[np.float64], constant: float) -> npt.NDArray[np.float64]:
    return constant + ranks


@dataclass(frozen=True, slots=True)
class FusionMethod:
    """One way to make one ranking of two.

    Attributes:
        title: what it does, in a line.
        dense_weight: the weight of the dense side if neither the search nor the index's tuning sets one.
        formula: how a side's scores are mapped before they are added; None for a method that goes by ranks.
        of_ranks: what each rank divides 1 by, to be added in place of scores; None for a method that goes by scores.
    """

    title: str
    dense_weight: float
    formula: Formula | None
    of_ranks: RankFormula | None = None


# The weight of tmm was chosen, in steps of 0.05, on the four collections of benchmarks/hybrid.py; its authors recommend
# 0.8. The other methods weigh both sides equally.
METHODS: dict[str, FusionMethod] = {
    # Theoretical min-max: Bruch, Gai and Ingber, arXiv:2210.11934.
    "tmm": FusionMethod("scales each side from the least that a score can be to its best", 0.75, _tmm),
    "min_max": FusionMethod("scales each side's scores to 0 … 1", 0.5, _min_max),
    "z_score": FusionMethod("gives each side's scores mean 0 and deviation 1", 0.5, _z_score),
    "none": FusionMethod("adds scores as they are", 0.5, _none),
    # Cormack, Clarke and Büttcher, SIGIR 2009.
    "rrf": FusionMethod("adds reciprocal ranks", 0.5, None, _reciprocal),
}


def normaliser(method: str, scores: npt.ArrayLike, least: float | None = None) -> Normaliser:
    """The map by which a method of METHODS makes a side's returned scores, best first, comparable.

    `least` is the least that a score of that side can be, or None if there is no bound. Without scores, nothing
    changes.
    """
    import numpy as np

    values = np.asarray(scores)
    formula = METHODS[method].formula
    return IDENTITY if formula is None or not len(values) else formula(values, least)

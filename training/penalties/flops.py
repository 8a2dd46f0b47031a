"""FLOPS: the number of products in scoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lsr.training.numbers import Natural
from lsr.training.penalties.penalty import Penalty, TermStatistics

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Flops(Penalty):
    """FLOPS, which is lower the more evenly the terms are used.

    Attributes:
        threshold: texts of at most so many active terms are not penalised.
    """

    name: Literal["flops"] = "flops"
    threshold: Natural = 0

    def __call__(self, weights: Tensor, terms: TermStatistics) -> Tensor:
        return flops(weights, threshold=self.threshold)


def flops(weights: Tensor, *, threshold: int = 0, factors: Tensor | None = None) -> Tensor:
    """Σ_j (f_j mean_i |w_ij|)²: the products that scoring two such texts takes (Paria et al., arXiv:2004.05665).

    Args:
        weights: [texts, vocabulary].
        threshold: texts of at most so many active terms are not penalised, though the mean still counts them
            (l0-thresholded FLOPS, arXiv:2504.14839, as in the authors' code).
        factors: f_j [vocabulary], or None for 1.
    """
    if threshold:
        weights = weights * ((weights != 0).sum(1) > threshold)[:, None]
    mean = weights.abs().mean(0)
    return (mean if factors is None else mean * factors).square().sum()

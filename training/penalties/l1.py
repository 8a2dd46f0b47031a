"""L1: the mean weight of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lsr.training.penalties.penalty import Penalty, TermStatistics

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class L1(Penalty):
    """The mean weight of a text."""

    name: Literal["l1"] = "l1"

    def __call__(self, weights: Tensor, terms: TermStatistics) -> Tensor:
        return l1(weights)


def l1(weights: Tensor) -> Tensor:
    """mean_i Σ_j |w_ij| of weights [texts, vocabulary]: the mean weight of a text, and roughly its active terms."""
    return weights.abs().sum(1).mean()

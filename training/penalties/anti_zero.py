"""A penalty against vectors that die out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lsr.training.penalties.penalty import Penalty, TermStatistics

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class AntiZero(Penalty):
    """A penalty on a batch whose weights are all small, to be used with one that makes them small."""

    name: Literal["anti_zero"] = "anti_zero"

    def __call__(self, weights: Tensor, terms: TermStatistics) -> Tensor:
        return anti_zero(weights)


def anti_zero(weights: Tensor) -> Tensor:
    """1 / (Σ_ij w_ij)² of weights [texts, vocabulary], which keeps a batch of vectors from dying out altogether.

    As in the code that trained SPLADE++ and SPLADE-v3 (naver/splade, `splade/hf/trainers.py`); no paper describes it.
    Bounded at 10⁶ if all weights are zero.
    """
    return 1 / (weights.sum().square() + 1e-6)

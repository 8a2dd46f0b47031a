"""DF-FLOPS: FLOPS that spares rare terms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lsr.core.errors import InputError
from lsr.training.numbers import InnerShare, Natural, Positive
from lsr.training.penalties.flops import flops
from lsr.training.penalties.penalty import Penalty, TermStatistics

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class DfFlops(Penalty):
    """FLOPS with a factor for each term, by the share of recent documents in which it is active.

    Attributes:
        threshold: texts of at most so many active terms are not penalised.
        alpha: the share of documents at which a term's factor is a half, between 0 and 1.
        beta: how sharply the factor grows around that share.
    """

    name: Literal["df_flops"] = "df_flops"
    threshold: Natural = 0
    alpha: InnerShare = 0.1
    beta: Positive = 10.0

    def __call__(self, weights: Tensor, terms: TermStatistics) -> Tensor:
        factors = df_factors(terms.shares, alpha=self.alpha, beta=self.beta)
        return flops(weights, threshold=self.threshold, factors=factors)


def df_factors(document_shares: Tensor, *, alpha: float, beta: float) -> Tensor:
    """The factors of DF-FLOPS (arXiv:2505.15070): 1 / (1 + (x^(log_α 2) - 1)^β) for the share x of documents.

    A term in the share `alpha` of the documents gets 0.5, a rarer one less, down to 0, a more frequent one more, up to
    1; `beta` says how sharply. Here the factor is inside the square; give its root for the other reading.

    document_shares: [vocabulary], in [0, 1], of the documents in which each term is active.
    """
    if not (0 < alpha < 1 and beta > 0):
        raise InputError(f"alpha must lie between 0 and 1 and beta above 0, not {alpha} and {beta}")
    # In float64 and by way of x = 0: the power there is infinite, and the factor zero.
    power = document_shares.double().pow(math.log(2) / math.log(alpha))
    return (1 / (1 + (power - 1).clamp(min=0).pow(beta))).to(document_shares.dtype)

"""FLOPS of weights over IDF, the other penalty published as "IDF-aware FLOPS".

For weights that already contain the IDF, w = idf d, it equals `lsr.training.penalties.idf_matching`; for weights that
do not, and with an IDF in the score too, it penalises frequent terms twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lsr.training.numbers import Natural
from lsr.training.penalties.flops import flops
from lsr.training.penalties.penalty import Penalty, Side, TermStatistics

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class FlopsIdfInverse(Penalty):
    """FLOPS of weights over the IDF of the texts trained on: Σ_j (mean_i w_ij / idf_j)².

    Attributes:
        threshold: texts of at most so many active terms are not penalised.
    """

    name: Literal["flops_idf_inverse"] = "flops_idf_inverse"
    threshold: Natural = 0

    needs_idf: ClassVar[bool] = True

    def __call__(self, weights: Tensor, terms: TermStatistics) -> Tensor:
        assert terms.idf is not None  # the criterion checks it
        return flops(weights, threshold=self.threshold, factors=terms.idf.reciprocal())

    def warning(self, side: Side, table: str | None) -> str | None:
        if side == "query" or table in (None, "ones"):
            return None
        return (
            "flops_idf_inverse divides by the IDF, and the query table multiplies by it: frequent terms are penalised "
            "twice. The published form with a query table is idf_matching"
        )

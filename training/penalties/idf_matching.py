"""FLOPS of document weights with the IDF on the query's side: "IDF-aware FLOPS" as its authors trained it.

The score is Σ idf_j q_j d_j and the penalty plain FLOPS of the weights d_j before the IDF. That is the authors' code of
"Towards Competitive Search Relevance For Inference-Free Learned Sparse Retrievers" (arXiv:2411.04403; its second
version speaks of the matching function). The other reading is `lsr.training.penalties.flops_idf_inverse`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lsr.training.numbers import Natural
from lsr.training.penalties.flops import flops
from lsr.training.penalties.penalty import Penalty, Side, TermStatistics

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class IdfMatching(Penalty):
    """FLOPS of document weights, for a model whose queries contain the IDF.

    Attributes:
        threshold: texts of at most so many active terms are not penalised.
    """

    name: Literal["idf_matching"] = "idf_matching"
    threshold: Natural = 0

    def __call__(self, weights: Tensor, terms: TermStatistics) -> Tensor:
        return flops(weights, threshold=self.threshold)

    def refusal(self, side: Side, table: str | None) -> str | None:
        if side == "query":
            return "idf_matching is a penalty on documents"
        if table is None:
            return (
                "idf_matching is plain FLOPS of document weights whose score has the IDF on the query's side: it needs "
                "a query table (model.query.table: idf)"
            )
        return None

"""MarginMSE: the distances between candidates that a teacher sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lsr.training.losses.objective import Distilled, Objective, VectorBatch, check_pairs

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class MarginMse(Objective):
    """MarginMSE over the candidates of a query, to a teacher's scores of them."""

    name: Literal["margin_mse"] = "margin_mse"

    title: ClassVar[str] = "MarginMSE"

    @property
    def distils(self) -> Distilled:
        return "scores"

    def __call__(self, batch: VectorBatch) -> Tensor:
        return margin_mse(batch.own_scores(), batch.teacher(self))


def margin_mse(scores: Tensor, teacher: Tensor) -> Tensor:
    """(student's margin - teacher's margin)², a mean over the negatives (Hofstätter et al., arXiv:2010.02666).

    A margin is the score of the first candidate less that of another one.

    Args:
        scores, teacher: float [queries, candidates], two candidates or more.
    """
    from torch.nn import functional

    check_pairs(scores, teacher)
    return functional.mse_loss(scores[:, :1] - scores[:, 1:], teacher[:, :1] - teacher[:, 1:])

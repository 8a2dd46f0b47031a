"""InfoNCE: distinguishing the relevant candidate from the others, by labels alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lsr.training.losses.objective import Objective, VectorBatch
from lsr.training.numbers import Positive

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class InfoNce(Objective):
    """InfoNCE over the candidates of a query, or of the whole batch.

    Attributes:
        temperature: divides scores before the softmax.
        in_batch: the candidates of the other queries count too, on all devices.
    """

    name: Literal["info_nce"] = "info_nce"
    temperature: Positive = 1.0
    in_batch: bool = True

    title: ClassVar[str] = "InfoNCE"

    def __call__(self, batch: VectorBatch) -> Tensor:
        if self.in_batch:
            scores, targets = batch.in_batch_scores()
            return info_nce(scores, targets, temperature=self.temperature)
        return info_nce(batch.own_scores(), temperature=self.temperature)


def info_nce(scores: Tensor, targets: Tensor | None = None, *, temperature: float = 1.0) -> Tensor:
    """-log of the share of exp(score / temperature) that the relevant candidate has among all (arXiv:1807.03748).

    Args:
        scores: float [queries, candidates].
        targets: int64 [queries], the relevant candidate of each query; the first one if not given.
    """
    import torch
    from torch.nn import functional

    if targets is None:
        targets = torch.zeros(len(scores), dtype=torch.int64, device=scores.device)
    return functional.cross_entropy(scores / temperature, targets)

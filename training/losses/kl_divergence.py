"""KL divergence: the teacher's distribution over candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lsr.training.losses.objective import Distilled, Objective, VectorBatch, check_pairs
from lsr.training.numbers import Positive

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class KlDivergence(Objective):
    """The KL divergence of the student's distribution over candidates from the teacher's.

    Attributes:
        temperature: divides the scores of both before the softmax.
        in_batch: over the candidates of all queries on a device, not of a query alone: for teachers that score the
            batch in the loop (as in OpenSearch's tuning code).
    """

    name: Literal["kl"] = "kl"
    temperature: Positive = 1.0
    in_batch: bool = False

    title: ClassVar[str] = "KL"

    @property
    def distils(self) -> Distilled:
        return "batch_scores" if self.in_batch else "scores"

    def __call__(self, batch: VectorBatch) -> Tensor:
        scores = batch.batch_scores() if self.in_batch else batch.own_scores()
        return kl_divergence(scores, batch.teacher(self), temperature=self.temperature)


def kl_divergence(scores: Tensor, teacher: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Σ p log(p / q) with p, q the softmax of teacher and student over a query's candidates, each over temperature.

    The gradient shrinks with the square of the temperature, so the sum is multiplied by that (Hinton et al.,
    arXiv:1503.02531). SPLADE-v3 (arXiv:2403.06789) uses a temperature of 1; sentence-transformers 2 by default.

    Args:
        scores, teacher: float [queries, candidates], two candidates or more.
    """
    from torch.nn import functional

    check_pairs(scores, teacher)
    student = functional.log_softmax(scores / temperature, dim=1)
    target = functional.log_softmax(teacher / temperature, dim=1)
    return functional.kl_div(student, target, reduction="batchmean", log_target=True) * temperature**2

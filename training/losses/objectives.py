"""What a student is trained for: to rank as the labels or as a teacher does.

Scores are float [queries, candidates], larger is better, the first candidate of a query the one that is relevant to it
where an objective needs one. Every objective is a mean over the queries.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lsr.core.errors import InputError


def info_nce(scores: Tensor, targets: Tensor | None = None, *, temperature: float = 1.0) -> Tensor:
    """-log of the share of exp(score / temperature) that the relevant candidate has among all (arXiv:1807.03748).

    targets: int64 [queries], the relevant candidate of each query; the first one if not given.
    """
    if targets is None:
        targets = torch.zeros(len(scores), dtype=torch.int64, device=scores.device)
    return functional.cross_entropy(scores / temperature, targets)


def margin_mse(scores: Tensor, teacher: Tensor) -> Tensor:
    """(student's margin - teacher's margin)², a mean over the negatives (Hofstätter et al., arXiv:2010.02666).

    A margin is the score of the first candidate less that of another one.
    """
    _check_pairs(scores, teacher)
    return functional.mse_loss(scores[:, :1] - scores[:, 1:], teacher[:, :1] - teacher[:, 1:])


def kl_divergence(scores: Tensor, teacher: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Σ p log(p / q) with p, q the softmax of teacher and student over a query's candidates, each over temperature.

    The gradient shrinks with the square of the temperature, so the sum is multiplied by that (Hinton et al.,
    arXiv:1503.02531). SPLADE-v3 (arXiv:2403.06789) uses a temperature of 1; sentence-transformers 2 by default.
    """
    _check_pairs(scores, teacher)
    student = functional.log_softmax(scores / temperature, dim=1)
    target = functional.log_softmax(teacher / temperature, dim=1)
    return functional.kl_div(student, target, reduction="batchmean", log_target=True) * temperature**2


def _check_pairs(scores: Tensor, teacher: Tensor) -> None:
    if scores.shape != teacher.shape or scores.ndim != 2:
        raise InputError(
            f"the student's scores are {tuple(scores.shape)} and the teacher's {tuple(teacher.shape)}; "
            "both must be [queries, candidates]"
        )
    if scores.shape[1] < 2:
        raise InputError("a teacher's scores say nothing about a single candidate: give each query two or more")

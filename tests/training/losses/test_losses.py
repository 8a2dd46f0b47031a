"""Objectives against values computed by hand, and against sentence-transformers'."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lsr.core.errors import InputError
from lsr.training.losses.info_nce import info_nce
from lsr.training.losses.kl_divergence import kl_divergence
from lsr.training.losses.margin_mse import margin_mse

SCORES = torch.tensor([[2.0, 1.0, 0.0], [0.5, 1.5, -1.0]])
TEACHER = torch.tensor([[3.0, 2.5, 1.0], [1.0, 0.0, 2.0]])


def close(value: Tensor, expected: float) -> bool:
    return math.isclose(value.item(), expected, rel_tol=1e-5)


def test_info_nce() -> None:
    first = math.log(math.exp(2) + math.exp(1) + 1) - 2
    second = math.log(math.exp(0.5) + math.exp(1.5) + math.exp(-1)) - 0.5
    assert close(info_nce(SCORES), (first + second) / 2)
    # The second candidate is the relevant one of the second query.
    assert close(info_nce(SCORES, torch.tensor([0, 1])), (first + second - 1) / 2)
    assert close(info_nce(2 * SCORES, temperature=2.0), (first + second) / 2)
    assert close(info_nce(torch.tensor([[0.0, 0.0, 0.0, 0.0]])), math.log(4))


def test_margin_mse() -> None:
    # Margins 1, 2 and -1, 1.5 against 0.5, 2 and 1, -1.
    assert close(margin_mse(SCORES, TEACHER), (0.25 + 0 + 4 + 6.25) / 4)
    assert margin_mse(SCORES, SCORES + torch.tensor([[7.0], [-2.0]])).item() == 0


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_kl_divergence(temperature: float) -> None:
    def softmax(values: list[float]) -> list[float]:
        powers = [math.exp(value / temperature) for value in values]
        return [power / sum(powers) for power in powers]

    total = sum(
        p * math.log(p / q)
        for teacher, student in zip(TEACHER.tolist(), SCORES.tolist(), strict=True)
        for p, q in zip(softmax(teacher), softmax(student), strict=True)
    )
    assert close(kl_divergence(SCORES, TEACHER, temperature=temperature), total / 2 * temperature**2)
    assert abs(kl_divergence(SCORES, SCORES + 5, temperature=temperature).item()) < 1e-6


def test_kl_divergence_is_that_of_sentence_transformers() -> None:
    losses = pytest.importorskip("sentence_transformers.losses")
    loss = losses.DistillKLDivLoss(model=None, temperature=2.0)
    queries, documents = torch.tensor([[1.0], [1.0]]), [SCORES[:, i : i + 1] for i in range(3)]
    theirs = loss.compute_loss_from_embeddings([queries, *documents], TEACHER)
    assert close(kl_divergence(SCORES, TEACHER, temperature=2.0), theirs.item())


def test_bad_shapes() -> None:
    for objective in (margin_mse, kl_divergence):
        with pytest.raises(InputError, match=r"\(2, 3\).*\(2, 2\)"):
            objective(SCORES, TEACHER[:, :2])
        with pytest.raises(InputError, match="single candidate"):
            objective(SCORES[:, :1], TEACHER[:, :1])

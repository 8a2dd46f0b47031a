"""Penalties and schedules against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from lsr.core.errors import InputError
from lsr.training.penalties.anti_zero import anti_zero
from lsr.training.penalties.df_flops import df_factors
from lsr.training.penalties.flops import flops
from lsr.training.penalties.flops_idf_inverse import FlopsIdfInverse
from lsr.training.penalties.l1 import l1
from lsr.training.penalties.penalty import TermStatistics
from lsr.training.penalties.schedules import strength

# Two texts, three terms.
WEIGHTS = torch.tensor([[1.0, 0.0, 3.0], [2.0, 0.0, 0.0]])


def test_l1() -> None:
    assert l1(WEIGHTS).item() == (4 + 2) / 2


def test_flops() -> None:
    # Means 1.5, 0, 1.5.
    assert flops(WEIGHTS).item() == 1.5**2 + 1.5**2
    assert flops(-WEIGHTS).item() == 4.5


def test_thresholded_flops_leaves_sparse_texts_alone_but_counts_them() -> None:
    # Only the first text has more than one active term: means 0.5, 0, 1.5.
    assert flops(WEIGHTS, threshold=1).item() == 0.5**2 + 1.5**2
    assert flops(WEIGHTS, threshold=2).item() == 0
    weights = WEIGHTS.clone().requires_grad_()
    flops(weights, threshold=1).backward()
    assert weights.grad is not None and weights.grad[1].abs().sum() == 0 < weights.grad[0].abs().sum()


def test_anti_zero() -> None:
    assert anti_zero(WEIGHTS).item() == pytest.approx(1 / 36)
    dead = torch.zeros(2, 3, requires_grad=True)
    anti_zero(dead).backward()
    assert dead.grad is not None and bool(dead.grad.isfinite().all())


def test_inverse_idf() -> None:
    idf = torch.tensor([0.5, 1.0, 3.0])
    penalty, terms = FlopsIdfInverse(strength=1.0), TermStatistics(torch.zeros(3), idf)
    assert penalty(WEIGHTS, terms).item() == pytest.approx((1.5 / 0.5) ** 2 + (1.5 / 3) ** 2)
    # Of weights that hold the IDF, it is the plain penalty of those that do not.
    assert penalty(WEIGHTS * idf, terms).item() == pytest.approx(flops(WEIGHTS).item())


def test_df_flops() -> None:
    shares = torch.tensor([0.0, 0.01, 0.1, 0.5, 1.0])
    factors = df_factors(shares, alpha=0.1, beta=2.0)
    # 0.01 = 0.1², so the power is 2² = 4; 0.5 to the power of log 2 / log 0.1 is 2^(log 2 / log 10).
    power = 2 ** (math.log(2) / math.log(10))
    expected = [0.0, 1 / (1 + 3**2), 0.5, 1 / (1 + (power - 1) ** 2), 1.0]
    assert factors.tolist() == pytest.approx(expected)
    assert flops(torch.tensor([[1.0] * 5]), factors=factors).item() == pytest.approx(sum(f * f for f in expected))
    with pytest.raises(InputError, match="alpha"):
        df_factors(shares, alpha=1.0, beta=1.0)


def test_schedules() -> None:
    steps = (-1, 0, 1, 2, 4, 100)
    assert [strength(step, final=8.0, steps=4) for step in steps] == [0, 0, 0.5, 2, 8, 8]
    assert [strength(step, final=8.0, steps=4, shape="linear") for step in steps] == [0, 0, 2, 4, 8, 8]
    assert strength(0, final=8.0, steps=4, shape="constant") == strength(0, final=8.0, steps=0) == 8
    with pytest.raises(InputError, match="cubic"):
        strength(0, final=1.0, steps=1, shape="cubic")

"""Pooling of term weights, lexical gates and top-k masks: by hand, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch

from lsr.encoding.sparse.pooling import keep_heaviest, occurring, pool_term_weights

TOKENS = torch.tensor([[1, 5, 5, 2, 5, 0], [1, 3, 2, 0, 0, 0]])
KEPT = torch.tensor([[0, 1, 1, 0, 1, 0], [0, 1, 0, 0, 0, 0]], dtype=torch.bool)
SCORES = torch.tensor([[9.0, 2.0, 3.0, 9.0, -1.0, 9.0], [9.0, -4.0, 9.0, 9.0, 9.0, 9.0]])


@pytest.mark.parametrize(
    "pooling, activation, weight",
    [
        ("max", "no_log", 3.0),
        ("sum", "no_log", 5.0),
        ("max", "relu", math.log(4)),
        ("sum", "relu", math.log(3) + math.log(4)),
        ("max", "log1p_relu", math.log(1 + math.log(4))),
    ],
)
def test_a_tokens_weight_goes_to_its_term(pooling: str, activation: str, weight: float) -> None:
    pooled = pool_term_weights(SCORES, TOKENS, KEPT, 7, pooling=pooling, activation=activation)
    expected = torch.zeros(2, 7)
    expected[0, 5] = weight
    torch.testing.assert_close(pooled, expected)


def test_gradients_go_to_the_winner_or_to_all() -> None:
    for pooling, expected in (("max", [0.0, 1.0, 0.0]), ("sum", [1.0, 1.0, 0.0])):
        scores = SCORES.clone().requires_grad_()
        pooled = pool_term_weights(scores, TOKENS, KEPT, 7, pooling=pooling, activation="no_log")
        pooled.sum().backward()
        assert scores.grad is not None
        assert scores.grad[0, [1, 2, 4]].tolist() == expected and scores.grad.sum() == sum(expected)


def test_occurring_terms() -> None:
    assert occurring(TOKENS, KEPT, 7).nonzero().tolist() == [[0, 5], [1, 3]]


def test_the_heaviest_stay_with_their_gradient() -> None:
    weights = torch.tensor([[0.0, 3.0, 1.0, 2.0], [0.0, 0.0, 0.5, 0.0]], requires_grad=True)
    found = keep_heaviest(weights, 2)
    assert found.tolist() == [[0.0, 3.0, 0.0, 2.0], [0.0, 0.0, 0.5, 0.0]]
    found[0].sum().backward()
    assert weights.grad is not None and weights.grad[0].tolist() == [0, 1, 0, 1]
    assert torch.equal(keep_heaviest(weights, 9), weights)

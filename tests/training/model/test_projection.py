"""The pooled projection with gradients, against autograd's through the plain formula."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lsr.encoding.sparse.projection import VocabularyProjection
from lsr.training.model.projection import masked_max, masked_sum

BATCH, LENGTH, HIDDEN, VOCABULARY = 5, 9, 16, 300


def inputs(seed: int, *, active: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """hidden, weight, bias and kept positions; the bias puts about the share `active` of the logits above zero."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(BATCH, LENGTH, HIDDEN, generator=generator)
    weight = torch.randn(VOCABULARY, HIDDEN, generator=generator)
    bias = torch.randn(VOCABULARY, generator=generator) * 0.1
    bias -= (hidden.view(-1, HIDDEN) @ weight.t() + bias).flatten().quantile(1 - active)
    kept = torch.rand(BATCH, LENGTH, generator=generator) < 0.7
    kept[0] = True
    kept[1, :4] = False  # the first positions are padding
    kept[2] = False  # nothing is kept
    return hidden, weight, bias, kept


def plain(hidden: Tensor, weight: Tensor, bias: Tensor | None, kept: Tensor) -> Tensor:
    logits = hidden @ weight.t() + (0 if bias is None else bias)
    return logits.masked_fill(~kept[..., None], 0).relu().amax(1)


@pytest.mark.parametrize("screen", [False, True])
@pytest.mark.parametrize("active", [0.001, 0.1, 1.0])
def test_values_and_gradients(active: float, screen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.training.model.projection._PAIRS", 100)
    *tensors, kept = inputs(1, active=active)
    given = torch.randn(BATCH, VOCABULARY, generator=torch.Generator().manual_seed(2))
    found, gradients = [], []
    for function in (plain, lambda *arguments: masked_max(*arguments, screen=screen)):
        leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        pooled = function(*leaves, kept)
        (pooled.log1p() * given).sum().backward()
        found.append(pooled.detach())
        gradients.append([leaf.grad for leaf in leaves])
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-5)
    assert not found[1][2].any()
    assert active < 1 or (found[1][0] > 0).all()
    for ours, expected in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_without_a_bias_and_in_half_precision() -> None:
    hidden, weight, _, kept = inputs(3, active=0.1)
    low = [tensor.bfloat16().requires_grad_() for tensor in (hidden, weight)]
    high = [tensor.detach().float().requires_grad_() for tensor in low]
    pooled, expected = masked_max(*low, None, kept), plain(*high, None, kept)
    # It computes in float32 from what it is given, and only rounds the gradients.
    torch.testing.assert_close(pooled, expected, rtol=1e-5, atol=1e-5)
    pooled.sum().backward()
    expected.sum().backward()
    for ours, theirs in zip(low, high, strict=True):
        assert ours.grad is not None and ours.grad.dtype == torch.bfloat16
        torch.testing.assert_close(ours.grad.float(), theirs.grad, rtol=2**-8, atol=1e-2)


def test_gradients_by_finite_differences() -> None:
    """In float32, so with large steps: the maximum is linear between its kinks."""
    hidden, weight, bias, kept = inputs(4, active=0.05)
    pooled = masked_max(hidden.requires_grad_(), weight, bias, kept)
    pooled.sum().backward()
    assert hidden.grad is not None
    step = 1e-3
    for text, position, place in ((0, 0, 0), (0, 5, 3), (1, 6, 7), (3, 2, 2)):
        moved = hidden.detach().clone()
        moved[text, position, place] += step
        change = (masked_max(moved, weight, bias, kept) - pooled).sum() / step
        assert change.item() == pytest.approx(hidden.grad[text, position, place].item(), abs=0.05)


def test_the_encoder_pools_alike() -> None:
    hidden, weight, bias, kept = inputs(5, active=0.02)
    pooled = masked_max(hidden, weight, bias, kept).log1p()
    rows = VocabularyProjection(weight, bias, pooling="max", activation="relu", screen=True)(hidden, kept)
    for weights, (terms, expected) in zip(pooled, rows, strict=True):
        assert weights.nonzero().squeeze(1).tolist() == terms.tolist()
        assert weights[terms.astype("int64")].tolist() == pytest.approx(expected.tolist(), rel=1e-6)


def test_winners_of_ties_are_the_first_positions_kept() -> None:
    """Of equal tokens, as padding on the left makes them look, the first one that counts."""
    hidden = torch.ones(2, 4, 3)
    kept = torch.tensor([[False, False, True, True], [True, True, True, True]])
    projection = VocabularyProjection(torch.ones(6, 3), None, pooling="max", activation="relu")
    texts, terms, positions, logits = projection.winners(hidden, kept)
    assert texts.tolist() == [0] * 6 + [1] * 6
    assert terms.tolist() == [*range(6)] * 2
    assert positions.tolist() == [2] * 6 + [0] * 6
    assert logits.tolist() == [3.0] * 12


@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_sum_pooling(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.training.model.projection._NUMBERS", 45 * 70)  # runs of 70 terms
    *tensors, kept = inputs(6, active=0.1)
    given = torch.randn(BATCH, VOCABULARY, generator=torch.Generator().manual_seed(2))

    def formula(hidden: Tensor, weight: Tensor, bias: Tensor, kept: Tensor) -> Tensor:
        weights = (hidden @ weight.t() + bias).relu().log1p()
        weights = weights.log1p() if activation == "log1p_relu" else weights
        return (weights * kept[..., None]).sum(1)

    leaves = [[tensor.clone().requires_grad_() for tensor in tensors] for _ in range(2)]
    expected = formula(*leaves[0], kept)
    pooled = masked_sum(*leaves[1], kept, activation=activation)
    torch.testing.assert_close(pooled, expected)
    for weights in (expected, pooled):
        (weights * given).sum().backward()
    for ours, theirs in zip(leaves[1], leaves[0], strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-5)
    rows = VocabularyProjection(*tensors[1:], pooling="sum", activation=activation)(tensors[0], kept)
    assert pooled[0][rows[0][0].astype("int64")].tolist() == pytest.approx(rows[0][1].tolist(), rel=1e-5)


def test_under_autocast_products_stay_float32() -> None:
    hidden, weight, bias, kept = inputs(7, active=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = [masked_max(hidden, weight, bias, kept), masked_sum(hidden, weight, bias, kept, activation="relu")]
    expected = [masked_max(hidden, weight, bias, kept), masked_sum(hidden, weight, bias, kept, activation="relu")]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs)

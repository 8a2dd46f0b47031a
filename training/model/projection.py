"""The projection to the vocabulary with gradients, in the memory of its input.

SPLADE pools max_i relu(h_i · w_j + b_j) over the tokens i of a text (https://arxiv.org/abs/2109.10086). Autograd would
keep the logits [batch, length, vocabulary] several times over; yet gradients flow only through one position per term,
and only where the maximum is above zero. So the forward pass keeps, for each active term of a text, its winning
position, and the backward pass works on those pairs: some hundreds per text instead of length times vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from lsr.encoding.sparse.projection import VocabularyProjection

# Pairs of a text and a term whose gradients are computed at a time: each takes 2 * hidden numbers.
_PAIRS = 1 << 15
_NUMBERS = 1 << 24  # of [batch, length, terms] that a sum computes at a time


def masked_max(hidden: Tensor, weight: Tensor, bias: Tensor | None, kept: Tensor, *, screen: bool = False) -> Tensor:
    """max over the kept positions of relu(hidden · weightᵀ + bias): float32 [batch, vocabulary], differentiable.

    Where positions tie for a maximum, the first one gets the gradient, as in PyTorch.

    Args:
        hidden: [batch, length, hidden], computed on in float32.
        weight: [vocabulary, hidden]; bias: [vocabulary] or None.
        kept: bool [batch, length], the positions to pool over. A text with none kept is all zero.
        screen: find the terms above zero in bfloat16 first, faster on processors that multiply it; the values are still
            those of float32 (see `lsr.encoding.sparse.projection`).
    """
    if bias is None:
        bias = torch.zeros_like(weight[:, 0])
    return _MaskedMax.apply(hidden, weight, bias, kept, screen)


def masked_sum(hidden: Tensor, weight: Tensor, bias: Tensor | None, kept: Tensor, *, activation: str) -> Tensor:
    """Σ over the kept positions of the activated logits: float32 [batch, vocabulary], differentiable.

    Every position counts here, so the backward pass recomputes the logits, for some terms at a time. Arguments as for
    `masked_max`; activation: "relu" for log(1 + relu(x)), "log1p_relu" for the logarithm taken twice.
    """
    if bias is None:
        bias = torch.zeros_like(weight[:, 0])
    tokens, mask = hidden.float(), kept[..., None]

    def some(tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            return (activate_pooled((tokens @ weight.t() + bias).relu(), activation) * mask).sum(1)

    step = max(1, _NUMBERS // max(1, kept.numel()))
    parts = [
        checkpoint(
            some, tokens, weight[start : start + step].float(), bias[start : start + step].float(), use_reentrant=False
        )
        for start in range(0, len(weight), step)
    ]
    return torch.cat(parts, dim=1)


def activate_pooled(logits: Tensor, activation: str) -> Tensor:
    """The activation of logits that are not negative, differentiable: see `lsr.encoding.sparse.projection.activate`."""
    weights = logits.log1p()
    return weights.log1p() if activation == "log1p_relu" else weights


class _MaskedMax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, kept: Tensor, screen: bool) -> Tensor:
        # Autocast would otherwise compute these products in bfloat16.
        with torch.autocast(hidden.device.type, enabled=False):
            projection = VocabularyProjection(
                weight.float(), bias.float(), pooling="max", activation="relu", screen=screen
            )
            texts, terms, positions, logits = projection.winners(hidden.float(), kept)
        pooled = logits.new_zeros(len(hidden), len(weight))
        pooled[texts, terms] = logits
        ctx.save_for_backward(hidden, weight, bias, texts, terms, positions)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, texts, terms, positions = ctx.saved_tensors
        tokens = hidden.reshape(-1, hidden.shape[-1])
        places = texts * hidden.shape[1] + positions
        given = gradient[texts, terms]
        of_hidden = torch.zeros_like(tokens, dtype=torch.float32)
        of_weight = torch.zeros_like(weight, dtype=torch.float32)
        for start in range(0, len(given), _PAIRS):
            part = slice(start, start + _PAIRS)
            scale = given[part, None]
            of_hidden.index_add_(0, places[part], weight[terms[part]].float() * scale)
            of_weight.index_add_(0, terms[part], tokens[places[part]].float() * scale)
        of_bias = torch.zeros_like(bias, dtype=torch.float32).index_add_(0, terms, given)
        return (
            of_hidden.view_as(hidden).to(hidden.dtype),
            of_weight.to(weight.dtype),
            of_bias.to(bias.dtype),
            None,
            None,
        )

"""From numbers per token to numbers per term, and which terms to keep; used by both training and encoding.

All are differentiable in the weights. Term ids are those of tokens, so a text's own tokens are terms.
"""

from __future__ import annotations

import torch
from torch import Tensor


def pool_term_weights(
    scores: Tensor, tokens: Tensor, kept: Tensor, dim: int, *, pooling: str, activation: str
) -> Tensor:
    """Give each token's weight to its own term: float32 [batch, dim].

    A weight is relu(score), or its logarithm. For a token that occurs several times in a text, the largest
    counts, as in uniCOIL (Lin and Ma, https://arxiv.org/abs/2106.14807) and DeepImpact (Mallia et al.,
    https://arxiv.org/abs/2104.12016), or the sum.

    Args:
        scores: [batch, length]; tokens: int64 [batch, length]; kept: bool [batch, length], the positions that count.
        pooling: "max" or "sum".
        activation: "no_log" for relu(x), "relu" for log(1 + relu(x)), "log1p_relu" for the logarithm twice.
    """
    weights = scores.float().relu()
    for _ in range(("no_log", "relu", "log1p_relu").index(activation)):
        weights = weights.log1p()
    pooled = weights.new_zeros(len(weights), dim)
    reduce = "amax" if pooling == "max" else "sum"
    return pooled.scatter_reduce(1, tokens, weights * kept, reduce, include_self=True)


def occurring(tokens: Tensor, kept: Tensor, dim: int) -> Tensor:
    """bool [batch, dim]: the terms that occur among the kept tokens (int64 and bool, both [batch, length]).

    Multiplying by it is lexical gating: terms are weighed, but none is added (Bai et al., SparTerm,
    https://arxiv.org/abs/2010.00768).
    """
    counts = torch.zeros(len(tokens), dim, dtype=torch.uint8, device=tokens.device)
    return counts.scatter_reduce(1, tokens, kept.to(torch.uint8), "amax", include_self=True).bool()


def keep_heaviest(weights: Tensor, k: int) -> Tensor:
    """Set all but each row's `k` largest to zero: weights [batch, dim], not negative."""
    if k >= weights.shape[1]:
        return weights
    values, terms = weights.topk(k, dim=1)
    return torch.zeros_like(weights).scatter(1, terms, values)

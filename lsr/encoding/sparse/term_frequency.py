"""BM25's damped frequencies of a text's own terms, as a part of a learned sparse vector.

Max pooling forgets how often a term occurs in a text, and a small model never learns to weight a term that it hardly
knows. BM25 (Robertson and Zaragoza 2009) does both with no model at all. Its document weights,

    tf / (tf + k1 (1 - b + b length / mean_length)),

are added to the language model's output, each times a learned number for its term, so that one vector matches words
like BM25 and expands like SPLADE.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lsr.encoding.sparse.spec import TermFrequency


class FrequencyWeights(nn.Module):
    """Damped term frequencies times a learned weight of each term.

    Attributes:
        damping: its parameters.
        weight: float32 [dim]; below zero counts as zero.
    """

    def __init__(self, damping: TermFrequency, weight: Tensor) -> None:
        super().__init__()
        self.damping = damping
        self.weight = nn.Parameter(weight)

    def forward(self, tokens: Tensor, kept: Tensor) -> Tensor:
        """float32 [batch, dim] of the kept tokens (int64 and bool, both [batch, length])."""
        counts = torch.zeros(len(tokens), len(self.weight), device=tokens.device)
        counts.scatter_add_(1, tokens, kept.to(counts.dtype))
        return damp(counts, kept.sum(1, keepdim=True), self.damping) * self.weight.relu()


def damp(counts: Tensor, lengths: Tensor, damping: TermFrequency) -> Tensor:
    """BM25's document weights before the IDF, from 0 to 1.

    Args:
        counts: float [batch, dim], how often each term occurs in a text; lengths: [batch, 1], in tokens.
    """
    half = damping.k1 * (1 - damping.b + damping.b * lengths / damping.mean_length)
    # k1 may be zero: then a term counts once, and one that is not there not at all.
    return torch.where(counts > 0, counts / (counts + half), 0.0)

"""From hidden states to the vocabulary: nearly all the work of a SPLADE encoder.

SPLADE's weight of term j is max_i log(1 + relu(h_i · w_j + b_j)) over tokens i (https://arxiv.org/abs/2109.10086).
Activation and bias are monotone in the product, so the maximum is taken first and the rest is done on [batch,
vocabulary]. The product is made for a few thousand terms at a time, so that the block of [terms, tokens] stays in the
processor's cache and [batch, length, vocabulary] never exists.

In bfloat16 three more things pay:

- the bias rides in the product as two further columns (its rounding to bfloat16 and what that left over) against ones;
- non-negative bfloat16 numbers order like the 16-bit integers of the same bits, whose maximum is five times as fast on
  a CPU. Negative ones don't, but any integer below zero is cut off by relu all the same;
- the inner dimension is padded to 32, the depth of an AMX tile.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from lsr.encoding.rows import Row
from lsr.errors import ModelError

_CPU_BLOCK = 1 << 22  # numbers in a block of [terms, tokens]: 8 MB of bfloat16
_GPU_BLOCK = 1 << 28
_DEPTH = 32


class VocabularyProjection:
    """The last linear layer of a masked LM, pooled over tokens.

    Args:
        weight: float32 [vocabulary, hidden].
        bias: float32 [vocabulary] or None.
        pooling: "max" or "sum".
        activation: "relu" or "log1p_relu".
        dtype: torch.float32, exact to rounding, or torch.bfloat16.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, *, pooling: str, activation: str, dtype: torch.dtype
    ) -> None:
        self.pooling, self.activation, self.dtype = pooling, activation, dtype
        self.hidden = weight.shape[1]
        self.bias = bias if bias is not None else torch.zeros_like(weight[:, 0])
        self.weight = weight if dtype == torch.float32 else self._widen(weight, self.bias)

    def _widen(self, weight: Tensor, bias: Tensor) -> Tensor:
        rounded = bias.to(self.dtype)
        rest = (bias - rounded.float()).to(self.dtype)
        filler = -(self.hidden + 2) % _DEPTH
        return pad(torch.column_stack([weight.to(self.dtype), rounded, rest]), (0, filler))

    def __call__(self, hidden: Tensor, kept: Tensor) -> list[Row]:
        """Project, pool and activate.

        Args:
            hidden: [batch, length, hidden], the input of the last layer.
            kept: bool [batch, length], the positions to pool over.

        Returns:
            One (term ids, weights) pair a text.
        """
        if self.pooling == "max":
            return sparse_rows(self._max(hidden, kept), kept, self.activation)
        return sparse_rows(self._sum(hidden, kept), kept)

    def _max(self, hidden: Tensor, kept: Tensor) -> Tensor:
        batch, length, _ = hidden.shape
        # A position left out repeats one that is pooled, which cannot change a maximum: no mask on [terms, tokens].
        first = hidden[torch.arange(batch, device=hidden.device), kept.int().argmax(1)]
        columns = self._columns(torch.where(kept[..., None], hidden, first[:, None]))
        as_integers = self.dtype == torch.bfloat16
        pooled = hidden.new_empty(len(self.weight), batch, dtype=torch.int16 if as_integers else self.dtype)
        for start, product in self._products(columns):
            scores = product.view(torch.int16) if as_integers else product
            torch.amax(scores.view(-1, batch, length), 2, out=pooled[start : start + len(scores)])
        if as_integers:
            pooled = pooled.view(self.dtype)
        else:
            pooled += self.bias[:, None]
        return pooled.t()

    def _sum(self, hidden: Tensor, kept: Tensor) -> Tensor:
        batch, length, _ = hidden.shape
        pooled = hidden.new_empty(len(self.weight), batch, dtype=torch.float32)
        for start, product in self._products(self._columns(hidden)):
            terms = slice(start, start + len(product))
            logits = product.float()
            if self.dtype == torch.float32:
                logits += self.bias[terms, None]
            weights = activate(logits, self.activation).view(-1, batch, length)
            pooled[terms] = (weights * kept).sum(2)
        return pooled.t()

    def _columns(self, hidden: Tensor) -> Tensor:
        tokens = hidden.reshape(-1, self.hidden).to(self.dtype)
        if self.dtype == torch.bfloat16:
            tokens = pad(tokens, (0, self.weight.shape[1] - self.hidden))
            tokens[:, self.hidden : self.hidden + 2] = 1
        return tokens.t()

    def _products(self, columns: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The logits [terms, tokens] of successive runs of terms, each with its first term; one buffer serves all."""
        tokens = columns.shape[1]
        limit = _CPU_BLOCK if columns.device.type == "cpu" else _GPU_BLOCK
        step = min(len(self.weight), max(1, limit // tokens))
        block = columns.new_empty(step * tokens)
        for start in range(0, len(self.weight), step):
            weight = self.weight[start : start + step]
            yield start, torch.mm(weight, columns, out=block[: len(weight) * tokens].view(len(weight), tokens))


def pool_logits(logits: Tensor, kept: Tensor, *, pooling: str, activation: str) -> list[Row]:
    """The plain formula, for a model whose logits are not a linear layer of its hidden states.

    `logits` is [batch, length, vocabulary] and `kept` bool [batch, length]; returns one (term ids, weights) pair a text.
    """
    if pooling == "max":
        pooled = logits.masked_fill_(~kept[..., None], -torch.inf).amax(1)
        return sparse_rows(pooled, kept, activation)
    weights = activate(logits.float(), activation)
    return sparse_rows((weights * kept[..., None]).sum(1), kept)


def activate(logits: Tensor, activation: str) -> Tensor:
    """log(1 + relu(x)) for "relu"; log(1 + log(1 + relu(x))) for "log1p_relu" (https://arxiv.org/abs/2504.14839)."""
    weights = logits.relu().log1p_()
    return weights.log1p_() if activation == "log1p_relu" else weights


def sparse_rows(pooled: Tensor, kept: Tensor, activation: str | None = None) -> list[Row]:
    """What lies above zero in [batch, vocabulary], activated if asked; nothing for a text of which nothing is kept."""
    pooled = pooled.contiguous()
    positive = (pooled > 0) & kept.any(1, keepdim=True)
    rows, terms = positive.nonzero(as_tuple=True)
    weights = pooled[rows, terms].float()
    if activation:
        weights = activate(weights, activation)
    if not bool(weights.isfinite().all()):
        raise ModelError(
            "the model gave a weight that is not a finite number; try dtype='float32', or check its weights"
        )
    ends = positive.sum(1).cumsum(0).tolist()
    terms_out, weights_out = terms.cpu().numpy().astype(np.uint32), weights.cpu().numpy()
    starts = [0, *ends[:-1]]
    return [(terms_out[start:end], weights_out[start:end]) for start, end in zip(starts, ends, strict=True)]

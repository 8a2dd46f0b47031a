"""From hidden states to the vocabulary: nearly all the work of a small SPLADE encoder.

SPLADE's weight of term j is max_i log(1 + relu(h_i · w_j + b_j)) over tokens i (https://arxiv.org/abs/2109.10086).
Activation and bias are monotone in the product, so the maximum is taken first and the rest is done on [batch,
vocabulary]. The product is computed for some thousand terms at a time in one buffer; [batch, length, vocabulary] never
exists.

If the processor multiplies bfloat16, that is used only to find the few terms that can be above zero;
those are then scored in float32. Rounding to bfloat16 moves a product of h and w by at most 2⁻⁷ |h| |w| (each factor
is off by at most 2⁻⁸; Cauchy-Schwarz), so a term whose rounded product plus that margin is not above zero has weight
zero for certain, and the result is that of float32 throughout. Three tricks make the search fast:

- bias and margin are part of the product as three more columns: the bias rounded to bfloat16 and the remainder,
  against ones, and the margin's |w|, against |h|;
- bfloat16 numbers above zero sort like the 16-bit integers of the same bits, whose maximum is several times as fast on
  a CPU. Those below zero don't, but none of them is mistaken for one above;
- the inner dimension is padded to a multiple of 32, the depth of an AMX tile.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from lsr.encoding.sparse.rows import Row

_CPU_BLOCK = 1 << 22  # numbers in a block of [terms, tokens]: 8 MB of bfloat16
_GPU_BLOCK = 1 << 28
_DEPTH = 32
_MARGIN = 1.05 * 2.0**-7  # the 5 % covers second-order effects: the margin's own rounding, float32 sums


class VocabularyProjection:
    """The last linear layer of a masked LM, pooled over tokens.

    Args:
        weight: float32 [vocabulary, hidden].
        bias: float32 [vocabulary] or None.
        pooling: "max" or "sum".
        activation: "relu" or "log1p_relu".
        screen: find the terms above zero in bfloat16 first (max pooling only); the result is the same.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, *, pooling: str, activation: str, screen: bool = False
    ) -> None:
        self.pooling, self.activation = pooling, activation
        self.weight = weight
        self.bias = bias if bias is not None else torch.zeros_like(weight[:, 0])
        self._screen = self._widen() if screen and pooling == "max" else None

    def __call__(self, hidden: Tensor, kept: Tensor) -> list[Row]:
        """Project, pool and activate.

        Args:
            hidden: [batch, length, hidden], the input of the last layer.
            kept: bool [batch, length], the positions to pool over.

        Returns:
            One (term ids, weights) pair per text, with the weights of float32 arithmetic.
        """
        hidden = hidden.float()
        if self.pooling == "sum":
            return sparse_rows(self._sum(hidden, kept), kept)
        hidden = _repeat_kept(hidden, kept)
        if self._screen is None:
            pooled = self._max(self.weight, hidden, torch.float32).add_(self.bias)
            return sparse_rows(pooled, kept, self.activation)
        return _to_numpy(
            [(terms, activate(logits, self.activation)) for terms, _, logits in self._rescore(hidden, kept)]
        )

    def winners(self, hidden: Tensor, kept: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Where the maxima above zero come from: texts, terms, positions (int64) and logits (float32), all [pairs].

        Takes the same arguments as a call; max pooling only. Among ties, the first position. Pairs are ordered by text,
        then by term.
        """
        found = self._rescore(_repeat_kept(hidden.float(), kept), kept)
        # Positions left out are replaced by the first one that is kept.
        found = [
            (terms, torch.where(of_text[positions], positions, of_text.int().argmax()), logits)
            for of_text, (terms, positions, logits) in zip(kept, found, strict=True)
        ]
        counts = torch.tensor([len(terms) for terms, _, _ in found], device=hidden.device)
        texts = torch.arange(len(found), device=hidden.device).repeat_interleave(counts)
        terms, positions, logits = (torch.cat(part) for part in zip(*found, strict=True))
        return texts, terms, positions, logits

    def _max(self, weight: Tensor, tokens: Tensor, dtype: torch.dtype) -> Tensor:
        """The max over length of weight · tokens: [batch, vocabulary], its bits read as `dtype`."""
        batch, length, depth = tokens.shape
        pooled = tokens.new_empty(len(weight), batch, dtype=dtype)
        for start, product in _products(weight, tokens.view(-1, depth).t()):
            scores = product.view(dtype).view(-1, batch, length)
            torch.amax(scores, 2, out=pooled[start : start + len(scores)])
        return pooled.t().contiguous()

    def _sum(self, hidden: Tensor, kept: Tensor) -> Tensor:
        batch, length, depth = hidden.shape
        pooled = hidden.new_empty(len(self.weight), batch)
        for start, product in _products(self.weight, hidden.view(-1, depth).t()):
            terms = slice(start, start + len(product))
            weights = activate(product + self.bias[terms, None], self.activation).view(-1, batch, length)
            pooled[terms] = (weights * kept).sum(2)
        return pooled.t()

    def _candidates(self, hidden: Tensor) -> Tensor:
        """bool [batch, vocabulary]: the terms that may be above zero, and few others."""
        if self._screen is None:
            return self._max(self.weight, hidden, torch.float32) + self.bias > 0
        return self._max(self._screen, self._extend(hidden, self._screen.shape[1]), torch.int16) > 0

    def _rescore(self, hidden: Tensor, kept: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """For each text, the terms above zero, the positions of their maxima, and the maxima."""
        rows = []
        for tokens, some_kept, chosen in zip(hidden, kept.any(1).tolist(), self._candidates(hidden), strict=True):
            terms = chosen.nonzero().squeeze(1) if some_kept else chosen.new_empty(0, dtype=torch.int64)
            logits, positions = torch.mm(self.weight[terms], tokens.t()).max(1)
            logits = logits + self.bias[terms]
            above = logits > 0
            rows.append((terms[above], positions[above], logits[above]))
        return rows

    def _widen(self) -> Tensor:
        rounded = self.bias.bfloat16()
        margin = self.weight.norm(dim=1) * _MARGIN
        columns = [self.weight.bfloat16(), rounded, (self.bias - rounded.float()).bfloat16(), margin.bfloat16()]
        return pad(torch.column_stack(columns), (0, -(self.weight.shape[1] + 3) % _DEPTH))

    def _extend(self, hidden: Tensor, width: int) -> Tensor:
        batch, length, depth = hidden.shape
        tokens = hidden.new_zeros(batch, length, width, dtype=torch.bfloat16)
        tokens[..., :depth] = hidden
        tokens[..., depth : depth + 2] = 1
        tokens[..., depth + 2] = hidden.norm(dim=2)
        return tokens


def _repeat_kept(hidden: Tensor, kept: Tensor) -> Tensor:
    """Replace positions that are left out by the first kept one.

    That cannot change a maximum, and needs no mask on [terms, tokens].
    """
    first = hidden[torch.arange(len(hidden), device=hidden.device), kept.int().argmax(1)]
    return torch.where(kept[..., None], hidden, first[:, None])


def _products(weight: Tensor, columns: Tensor) -> Iterator[tuple[int, Tensor]]:
    """weight @ columns for successive runs of terms, each with its first term; one buffer serves them all."""
    tokens = columns.shape[1]
    limit = _CPU_BLOCK if columns.device.type == "cpu" else _GPU_BLOCK
    step = min(len(weight), max(1, limit // tokens))
    block = columns.new_empty(step * tokens)
    for start in range(0, len(weight), step):
        part = weight[start : start + step]
        yield start, torch.mm(part, columns, out=block[: len(part) * tokens].view(len(part), tokens))


def pool_logits(logits: Tensor, kept: Tensor, *, pooling: str, activation: str) -> list[Row]:
    """The plain formula, for a model whose logits are not a linear layer of its hidden states.

    `logits` is [batch, length, vocabulary] and `kept` bool [batch, length]; one (term ids, weights) pair per text.
    """
    if pooling == "max":
        return sparse_rows(logits.float().masked_fill_(~kept[..., None], -torch.inf).amax(1), kept, activation)
    return sparse_rows((activate(logits.float(), activation) * kept[..., None]).sum(1), kept)


def activate(logits: Tensor, activation: str) -> Tensor:
    """log(1 + relu(x)) for "relu"; log(1 + log(1 + relu(x))) for "log1p_relu" (https://arxiv.org/abs/2504.14839)."""
    weights = logits.relu().log1p_()
    return weights.log1p_() if activation == "log1p_relu" else weights


def sparse_rows(pooled: Tensor, kept: Tensor, activation: str | None = None) -> list[Row]:
    """The entries above zero in [batch, vocabulary], activated if requested; none for a text without kept tokens."""
    rows = []
    for values, some_kept in zip(pooled, kept.any(1).tolist(), strict=True):
        terms = (values > 0).nonzero().squeeze(1) if some_kept else kept.new_empty(0, dtype=torch.int64)
        weights = values[terms]
        rows.append((terms, activate(weights, activation) if activation else weights))
    return _to_numpy(rows)


def _to_numpy(rows: list[tuple[Tensor, Tensor]]) -> list[Row]:
    # One copy for all: thousands of small tensors that live on would keep the heap around them from being reused.
    terms = torch.cat([row[0] for row in rows]).int().cpu().numpy().view(np.uint32)
    weights = torch.cat([row[1] for row in rows]).cpu().numpy()
    ends = np.cumsum([len(row[0]) for row in rows])
    return [(terms[a:b], weights[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=True)]

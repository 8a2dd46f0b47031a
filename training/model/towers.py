"""What turns a batch of tokens into term weights, with gradients: a language model, or a table for queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lsr.core.errors import InputError, ModelError
from lsr.encoding.shared.placement import has_native_bfloat16
from lsr.encoding.shared.tokens import TextTokenizer, pad
from lsr.encoding.sparse.backbone import Backbone, shift_for
from lsr.encoding.sparse.pooling import keep_heaviest, occurring, pool_term_weights
from lsr.training.model.projection import activate_pooled, masked_max, masked_sum

# Lengths are multiples of this: oneDNN keeps code and memory for every shape of product that it has met.
_STEP = 16
_ALIKE = 16  # texts of alike length that a CPU takes at a time


class Tokens(NamedTuple):
    """A batch of texts: int64 [texts, length] token ids, and which of them are there, bool of the same shape."""

    ids: Tensor
    present: Tensor

    def part(self, rows: slice | Tensor) -> Tokens:
        """Some of the texts, without most of the columns that they leave empty."""
        present = self.present[rows]
        width = padded_width(int(present.sum(1).max()), present.shape[1])
        return Tokens(self.ids[rows, :width], present[:, :width])


def padded_width(longest: int, most: int) -> int:
    """How many columns texts get of which the longest has so many tokens."""
    return max(1, min(-(-longest // _STEP) * _STEP, most))


def tokens(tokenizer: TextTokenizer, texts: Sequence[str], padding: int) -> Tokens:
    """A batch of texts, each cut at the tokenizer's length, filled up on the right to a length of some few."""
    rows, _ = tokenizer.encode(texts)
    ids, present = pad(rows, padding, padded_width(max(map(len, rows)), tokenizer.longest))
    return Tokens(torch.from_numpy(ids), torch.from_numpy(present))


class LanguageModelTower(nn.Module):
    """A language model whose logits are pooled over tokens: what `TransformerTower` computes, with gradients.

    Args:
        backbone: the model. Its spec says how logits are pooled, and which terms stay.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, tokens: Tokens) -> Tensor:
        """float32 [texts, vocabulary]."""
        if tokens.ids.device.type != "cpu" or len(tokens.ids) <= _ALIKE:
            return self._weigh(tokens)
        # A CPU computes padding as slowly as text, and is busy with a few texts: take those of alike length together.
        order = tokens.present.sum(1).argsort(descending=True, stable=True)
        weights = [self._weigh(tokens.part(rows)) for rows in order.split(_ALIKE)]
        return torch.cat(weights)[order.argsort()]

    def _weigh(self, tokens: Tokens) -> Tensor:
        backbone, spec = self.backbone, self.backbone.spec
        kept = backbone.kept(tokens.ids, tokens.present)
        hidden = backbone(tokens.ids, tokens.present)
        if not bool(hidden.isfinite().all()):
            # Pooling would take these for zeros, and nothing would show.
            raise InputError(
                "the model computes numbers that are not finite: lower run.learning_rate, or choose another "
                "run.precision"
            )
        weights = self._pool(hidden, tokens, kept)
        if backbone.frequency is not None:
            weights = weights + backbone.frequencies(tokens.ids, tokens.present)
        if spec.lexical:
            weights = weights * backbone.occurring(tokens.ids, tokens.present)
        return weights if spec.top_k is None else keep_heaviest(weights, spec.top_k)

    @torch.no_grad()
    def start_bias(self, tokens: Tokens, active_terms: int) -> None:
        """Move the learned bias so that these texts have so many active terms on average.

        ModelError where the configuration gives the backbone none.
        """
        backbone, head = self.backbone, self.backbone.head
        if head is None or (backbone.shift is None and head.bias is None):
            raise ModelError("initial_terms moves a bias of the logits: set `bias` to scalar or term")
        hidden = backbone(tokens.ids, tokens.present)
        kept = backbone.kept(tokens.ids, tokens.present)
        largest = [
            functional.linear(states[of_text], head.weight, backbone.bias).amax(0)
            for states, of_text in zip(hidden, kept, strict=True)
            if of_text.any()
        ]
        (head.bias if backbone.shift is None else backbone.shift).add_(shift_for(torch.stack(largest), active_terms))

    def _pool(self, hidden: Tensor, tokens: Tokens, kept: Tensor) -> Tensor:
        backbone, spec = self.backbone, self.backbone.spec
        if spec.head == "term_weights":
            scores = backbone.term_scores(hidden)
            how = {"pooling": spec.pooling, "activation": spec.activation}
            return pool_term_weights(scores, tokens.ids, kept, backbone.dim, **how)
        if backbone.head is None:
            # The logits themselves, of an architecture that could not be taken apart.
            logits = hidden.float().relu()
            if spec.pooling == "max":
                return activate_pooled(logits.masked_fill(~kept[..., None], 0).amax(1), spec.activation)
            return (activate_pooled(logits, spec.activation) * kept[..., None]).sum(1)
        weight, bias = backbone.head.weight, backbone.bias
        if spec.pooling == "sum":
            return masked_sum(hidden, weight, bias, kept, activation=spec.activation)
        screen = has_native_bfloat16(hidden.device)
        return activate_pooled(masked_max(hidden, weight, bias, kept, screen=screen), spec.activation)


class QueryTable(nn.Module):
    """A weight for each token: queries that need no model (arXiv:2411.04403).

    Attributes:
        weight: float32 [vocabulary], below zero as good as zero.
    """

    def __init__(self, weight: Tensor, *, trainable: bool, count_repeats: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone(), requires_grad=trainable)
        self.count_repeats = count_repeats

    def forward(self, tokens: Tokens) -> Tensor:
        """float32 [texts, vocabulary]: the weights of the distinct tokens of each text, times their number if asked."""
        if self.count_repeats:
            counts = torch.zeros(len(tokens.ids), len(self.weight), device=self.weight.device)
            return counts.scatter_add_(1, tokens.ids, tokens.present.to(counts.dtype)) * self.weight.relu()
        return occurring(tokens.ids, tokens.present, len(self.weight)) * self.weight.relu()

"""A language model that turns a batch of tokens into term weights, with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lsr.core.errors import InputError, ModelError
from lsr.encoding.shared.placement import has_native_bfloat16
from lsr.encoding.shared.tokens import TextTokenizer, pad
from lsr.encoding.sparse.backbone import Backbone, load_backbone, shift_for
from lsr.encoding.sparse.pooling import keep_heaviest, pool_term_weights
from lsr.encoding.sparse.saving import TransformerSide
from lsr.training.config.model import TermFrequencyConfig, TowerConfig
from lsr.training.model.projection import activate_pooled, masked_max, masked_sum

# Lengths are multiples of this: oneDNN keeps code and memory for every shape of product that it has seen.
_STEP = 16
_ALIKE = 16  # texts of similar length that a CPU takes at a time


class Tokens(NamedTuple):
    """A batch of texts: token ids, int64 [texts, length], and a bool mask of the same shape for those present."""

    ids: Tensor
    present: Tensor

    def part(self, rows: slice | Tensor) -> Tokens:
        """A selection of the texts, without most of the columns that they leave empty."""
        present = self.present[rows]
        width = padded_width(int(present.sum(1).max()), present.shape[1])
        return Tokens(self.ids[rows, :width], present[:, :width])


def padded_width(longest: int, most: int) -> int:
    """The number of columns for texts of which the longest has so many tokens."""
    return max(1, min(-(-longest // _STEP) * _STEP, most))


def tokens(tokenizer: TextTokenizer, texts: Sequence[str], padding: int) -> Tokens:
    """Make a batch of texts, each cut at the tokenizer's limit and padded on the right to one of a few lengths."""
    rows, _ = tokenizer.encode(texts)
    ids, present = pad(rows, padding, padded_width(max(map(len, rows)), tokenizer.longest))
    return Tokens(torch.from_numpy(ids), torch.from_numpy(present))


class LanguageModelTower(nn.Module):
    """A language model whose logits are pooled over tokens: what `TransformerTower` computes, with gradients.

    ModelError as `load_backbone`, and for `initial_terms` without a bias.

    Attributes:
        config: what it was made from.
        backbone: the model. Its spec says how logits are pooled, and which terms stay.
        tokenizer: text to token ids, as the exported encoder will.
        padding: the token id that fills up texts.
    """

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = _backbone(config)
        if config.initial_terms is not None and self._bias is None:
            raise ModelError("initial_terms moves a bias of the logits: set `bias` to scalar or term")
        self.tokenizer = self.backbone.tokenizer()
        self.padding = self.backbone.padding_id

    def forward(self, tokens: Tokens) -> Tensor:
        """float32 [texts, vocabulary]."""
        if tokens.ids.device.type != "cpu" or len(tokens.ids) <= _ALIKE:
            return self._weigh(tokens)
        # A CPU computes padding as slowly as text, and is busy with a few texts: take those of similar length together.
        order = tokens.present.sum(1).argsort(descending=True, stable=True)
        weights = [self._weigh(tokens.part(rows)) for rows in order.split(_ALIKE)]
        return torch.cat(weights)[order.argsort()]

    def _weigh(self, tokens: Tokens) -> Tensor:
        backbone, spec = self.backbone, self.backbone.spec
        kept = backbone.kept(tokens.ids, tokens.present)
        hidden = backbone(tokens.ids, tokens.present)
        if not bool(hidden.isfinite().all()):
            # Pooling would take these for zeros, and the error would go unnoticed.
            raise InputError(
                "the model's output is not finite: lower run.learning_rate, or choose another run.precision"
            )
        weights = self._pool(hidden, tokens, kept)
        if backbone.frequency is not None:
            weights = weights + backbone.frequencies(tokens.ids, tokens.present)
        if spec.lexical:
            weights = weights * backbone.occurring(tokens.ids, tokens.present)
        return weights if spec.top_k is None else keep_heaviest(weights, spec.top_k)

    @property
    def _bias(self) -> nn.Parameter | None:
        """The parameter that shifts all logits."""
        head = self.backbone.head
        return None if head is None else head.bias if self.backbone.shift is None else self.backbone.shift

    @torch.no_grad()
    def start_bias(self, texts: Sequence[str]) -> None:
        """Move the learned bias so that these texts have `initial_terms` active terms on average, if that is set."""
        if self.config.initial_terms is None:
            return
        backbone, head, learned = self.backbone, self.backbone.head, self._bias
        assert head is not None and learned is not None  # was checked above
        ids, present = tokens(self.tokenizer, texts, self.padding)
        hidden = backbone(ids, present)
        kept = backbone.kept(ids, present)
        largest = [
            functional.linear(states[of_text], head.weight, backbone.bias).amax(0)
            for states, of_text in zip(hidden, kept, strict=True)
            if of_text.any()
        ]
        learned.add_(shift_for(torch.stack(largest), self.config.initial_terms))

    def own_rates(self) -> list[tuple[nn.Parameter, float]]:
        """The parameters with one number a term, and their learning rates."""
        if self.backbone.frequency is None:
            return []
        return [(self.backbone.frequency.weight, (self.config.term_frequency or TermFrequencyConfig()).learning_rate)]

    def side(self) -> TransformerSide:
        """The side to store: adapters are merged into a copy of the model that they adapt."""
        from lsr.training.model.lora import has_lora, merge_lora

        backbone = self.backbone
        if has_lora(backbone):
            backbone = deepcopy(backbone)
            merge_lora(backbone)
        return TransformerSide(backbone)

    def _pool(self, hidden: Tensor, tokens: Tokens, kept: Tensor) -> Tensor:
        backbone, spec = self.backbone, self.backbone.spec
        if spec.head == "term_weights":
            scores = backbone.term_scores(hidden)
            how = {"pooling": spec.pooling, "activation": spec.activation}
            return pool_term_weights(scores, tokens.ids, kept, backbone.dim, **how)
        if backbone.head is None:
            # The logits themselves, for an architecture that could not be taken apart.
            logits = hidden.float().relu()
            if spec.pooling == "max":
                return activate_pooled(logits.masked_fill(~kept[..., None], 0).amax(1), spec.activation)
            return (activate_pooled(logits, spec.activation) * kept[..., None]).sum(1)
        weight, bias = backbone.head.weight, backbone.bias
        if spec.pooling == "sum":
            return masked_sum(hidden, weight, bias, kept, activation=spec.activation)
        screen = has_native_bfloat16(hidden.device)
        return activate_pooled(masked_max(hidden, weight, bias, kept, screen=screen), spec.activation)


def _backbone(config: TowerConfig) -> Backbone:
    counted = config.term_frequency
    backbone = load_backbone(
        config.base,
        encoding=config,
        new_head=config.new_head,
        attention=config.attention,
        scale=config.scale,
        learn_scale=config.learn_scale,
        bias=config.bias,
        term_frequency=counted.damping() if counted else None,
        frequency_start=counted.start if counted else 0.0,
    )
    if config.lora is not None:
        from lsr.training.model.lora import add_lora

        add_lora(backbone, rank=config.lora.rank, alpha=config.lora.alpha, dropout=config.lora.dropout)
    if config.gradient_checkpointing:
        backbone.gradient_checkpointing_enable()
    return backbone

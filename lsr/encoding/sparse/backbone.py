"""The differentiable part of an encoder, from token ids to what is pooled, shared by training and encoding."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lsr.core.errors import ModelError
from lsr.encoding.shared.folder import position_limit
from lsr.encoding.shared.hub import locate
from lsr.encoding.shared.language_model import (
    PassingHead,
    attend_both_ways,
    detach_head,
    is_causal_lm,
    load_language_model,
    probe_tokens,
)
from lsr.encoding.shared.strict import read_tensors
from lsr.encoding.shared.threads import use_threads
from lsr.encoding.shared.tokens import TextTokenizer
from lsr.encoding.sparse.layout import bare_spec, read_spec
from lsr.encoding.sparse.pooling import occurring
from lsr.encoding.sparse.spec import HEADS, EncodingSpec, TermFrequency, TransformerSpec, choose
from lsr.encoding.sparse.term_frequency import FrequencyWeights

ATTENTIONS = ("causal", "bidirectional")
BIASES = ("scalar", "term")
HIDDEN_SCALE = "hidden^-0.25"


class Backbone(nn.Module):
    """A language model up to the input of its head, and that head. Made by `load_backbone`.

    The terms' logits are `forward(…) @ head.weight.T + bias`, to be pooled over the positions of `kept`, best without
    computing all of them at once (`lsr.training.model.projection`). If `head` is None, `forward` gives the logits
    themselves. With term weights, `term_scores(forward(…))` is one number per token instead.

    Attributes:
        model: the language model. Its last layer returns its input (`PassingHead`).
        spec: what it was loaded from, and how it is read: `head`, `echo`.
        decoder: whether it is a causal language model.
        dim: the number of terms; width: of what `forward` returns.
        scale: what `forward` multiplies by, or None: a parameter if it is learned, a buffer if not.
        shift: a learned number that is added to every logit, or None.
        term_head: from hidden states to one number per token, or None.
        frequency: adds the frequencies of a text's own terms to the pooled logits, or None.
    """

    scale: Tensor | None
    shift: nn.Parameter | None

    def __init__(self, model: Any, spec: TransformerSpec, *, term_layers: int = 1) -> None:
        super().__init__()
        self.spec = spec
        self.decoder = is_causal_lm(model.config)
        self.dim = int(model.config.vocab_size)
        self.term_head: nn.Sequential | None = None
        self.frequency: FrequencyWeights | None = None
        if spec.head == "term_weights":
            self.model = model.base_model
            self.width = int(model.get_input_embeddings().embedding_dim)
            self.width = self._states(probe_tokens(model), None).shape[-1]
            self.term_head = _term_head(self.width, term_layers)
        else:
            head = detach_head(model)
            self.model = model
            self.width = head.in_features if head is not None else self.dim
            self.dim = head.out_features if head is not None else self.dim
        self.own_bias = self.head is not None and self.head.bias is not None
        self.register_buffer("scale", None)
        self.register_parameter("shift", None)

    @property
    def head(self) -> nn.Linear | None:
        """The layer from `forward`'s hidden states to logits, tied to the word embeddings if the model ties it."""
        if self.term_head is not None:
            return None
        head = self.model.get_output_embeddings()
        return head if isinstance(head, PassingHead) else None

    @property
    def bias(self) -> Tensor | None:
        """The bias added to the logits: float32 [dim], or None."""
        bias = None if self.head is None else self.head.bias
        if self.shift is None:
            return bias
        return self.shift.expand(self.dim) if bias is None else bias + self.shift

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The input of the head: [batch, length, width].

        Args:
            input_ids: int64 [batch, length]; with echo, each text is repeated (`tokenizer` does that).
            attention_mask: [batch, length], true or 1 where there is no padding, which follows the text.
        """
        hidden = self._states(input_ids, attention_mask.long())
        return hidden if self.scale is None else hidden * self.scale

    def term_scores(self, hidden: Tensor) -> Tensor:
        """Each token's weight before relu: [batch, length] of hidden states [batch, length, width]."""
        if self.term_head is None:
            raise ModelError("this backbone has a head to the vocabulary, not one of term weights")
        return self.term_head(hidden).squeeze(-1)

    def kept(self, input_ids: Tensor, attention_mask: Tensor, *, special_tokens: bool = True) -> Tensor:
        """The positions to pool over: bool [batch, length].

        All but padding; with echo, only the second copy of a text, without the special tokens around it. Special
        tokens are left out if `special_tokens` is False, and always with term weights.
        """
        kept = attention_mask.bool()
        if self.spec.echo:
            before, after = self._reader.affixes
            places = kept.cumsum(1) - 1
            end = kept.sum(1, keepdim=True) - after
            start = before + (end - before) // 2
            kept = kept & (places >= start) & (places < end)
        if not special_tokens or self.term_head is not None:
            special = torch.from_numpy(self._reader.special_ids).to(input_ids.device)
            kept = kept & ~torch.isin(input_ids, special)
        return kept

    def occurring(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The terms in the text itself, without special tokens: bool [batch, dim], the mask of a lexical gate."""
        return occurring(input_ids, self.kept(input_ids, attention_mask, special_tokens=False), self.dim)

    def frequencies(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What a text's own terms add by their frequency: float32 [batch, dim]. Only if there is a `frequency`."""
        assert self.frequency is not None
        return self.frequency(input_ids, self.kept(input_ids, attention_mask, special_tokens=False))

    def tokenizer(
        self, *, max_length: int | None = None, prompt: str | None = None, overlap: int | None = None
    ) -> TextTokenizer:
        """A tokenizer that cuts, or windows, at `max_length` (the spec's own if not given) and doubles texts for echo.

        ModelError if the model does not have that many positions.
        """
        spec = self.spec
        reader = TextTokenizer(
            spec.folder,
            max_length=max_length or spec.max_length,
            overlap=overlap,
            prompt=spec.prompt if prompt is None else prompt,
            lower_case=spec.lower_case,
            echo=spec.echo,
        )
        reader.check_fit(int(self.model.config.vocab_size))
        limit = position_limit(self.model.config.to_dict())
        if limit and reader.longest > limit:
            twice = f", read twice {reader.longest} tokens," if spec.echo else ""
            raise ModelError(
                f"max_length {max_length or spec.max_length}{twice} is more than the {limit} positions of {spec.folder}"
            )
        return reader

    @property
    def padding_id(self) -> int:
        return max(0, int(getattr(self.model.config, "pad_token_id", None) or 0))  # -1: none, as LLaMA says

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: dict[str, Any] | None = None) -> None:
        """Recompute activations within layers for the backward pass instead of keeping them: less memory, more time."""
        enable = getattr(self.model, "activation_checkpointing_enable", None)  # its name since transformers 5
        (enable or self.model.gradient_checkpointing_enable)(gradient_checkpointing_kwargs or {"use_reentrant": False})

    def _states(self, input_ids: Tensor, mask: Tensor | None) -> Tensor:
        options = {"use_cache": False} if self.decoder else {}
        output = self.model(input_ids=input_ids, attention_mask=mask, **options)
        return output.last_hidden_state if self.spec.head == "term_weights" else output.logits

    @cached_property
    def _reader(self) -> TextTokenizer:
        return TextTokenizer(self.spec.folder, max_length=self.spec.max_length)


def load_backbone(
    source: str | Path | TransformerSpec,
    *,
    encoding: EncodingSpec | None = None,
    head: str | None = None,
    new_head: bool = False,
    attention: str | None = None,
    echo: bool | None = None,
    scale: float | str | None = None,
    learn_scale: bool = False,
    bias: str | None = None,
    bias_start: float = 0.0,
    term_layers: int = 1,
    term_frequency: TermFrequency | None = None,
    frequency_start: float = 1.0,
) -> Backbone:
    """Load the backbone of an encoder, or of one to be trained: strictly, in float32, in evaluation mode.

    Arguments that are None leave the model's own setting.

    Args:
        source: a packaged model's short name, a folder (of a masked or causal language model, or of a sparse encoder,
            whose document side is taken), a GGUF file (packages gguf and accelerate), or ORG/NAME on the hub.
        encoding: how texts are read and become vectors, in place of all that the source records of it.
        head: "vocabulary" or "term_weights": a small network from hidden states to one number a token, which is its
            weight (uniCOIL, DeepImpact). It starts from random numbers where the source has none.
        new_head: give a model without a head to the vocabulary a new one, that of a dense encoder for one (see
            `load_language_model`). A token's own term ranks first at the start, but all terms are active: give `bias`.
        attention: "causal" or "bidirectional", of a decoder.
        echo: read a text twice and pool over the second copy, in which each token has seen the whole text (Springer et
            al., https://arxiv.org/abs/2402.15449; for sparse vectors https://arxiv.org/abs/2408.11119).
        scale: what logits are multiplied by; "hidden^-0.25" is the hidden size to that power (Lion-SP,
            https://arxiv.org/abs/2502.15526), which keeps large decoders' logits from starting far above zero.
        learn_scale: make that number, an inverse temperature, a parameter.
        bias: "scalar" or "term": a learned number for all logits, or for each, that starts at `bias_start` beyond what
            the model adds already. A decoder's head often gives nearly every term a positive logit before training;
            a bias below zero (see `shift_for`) makes the vectors sparse from the first step, while terms keep their
            gradient, unlike those that a strong penalty drives below zero for every text.
        term_layers: 1 or 2, of a new head of term weights: linear, or with a hidden layer and relu.
        term_frequency: count a text's own terms in by their frequency (`lsr.encoding.sparse.term_frequency`), each
            times a weight that starts at `frequency_start`, or where the source has it.

    Raises:
        ModelError: the source is not such a model, is incomplete, or cannot do what was asked.
        MissingDependencyError: a package to read it with is missing.
    """
    if encoding is not None:
        head, echo = head or encoding.head, encoding.echo if echo is None else echo
    found = source if isinstance(source, TransformerSpec) else _find(source, new_head or head == "term_weights")
    choose(head, HEADS, "head")
    choose(attention, ATTENTIONS, "attention")
    choose(bias, BIASES, "bias")
    if term_layers not in (1, 2):
        raise ModelError(f"term_layers is {term_layers}; it can be 1 or 2")
    changes: dict[str, Any] = {} if encoding is None else encoding.encoding()
    changes["head"] = found.head if head is None else head
    changes["echo"] = found.echo if echo is None else echo
    changes["adjusted_head"] = found.adjusted_head and head != "term_weights"
    spec = replace(found, **changes, term_frequency=term_frequency or found.term_frequency)
    use_threads(None)
    model = load_language_model(spec.folder, new_head=new_head or spec.head == "term_weights")
    _set_attention(model, attention)
    same_head = (spec.head, spec.adjusted_head) == (found.head, found.adjusted_head)
    stored = read_tensors(spec.head_file) if same_head and spec.head_file else {}
    if spec.head == "term_weights" and stored:
        term_layers = sum(name.endswith("weight") for name in stored)
    backbone = Backbone(model, spec, term_layers=term_layers)
    if stored:
        _restore_head(backbone, stored)
    if spec.term_frequency is not None:
        weight = _read_frequencies(found, backbone.dim, frequency_start)
        backbone.frequency = FrequencyWeights(spec.term_frequency, weight)
    if scale is not None or learn_scale:
        _set_scale(backbone, backbone.width**-0.25 if scale == HIDDEN_SCALE else scale, learn_scale)
    if bias is not None:
        _set_bias(backbone, bias, bias_start)
    return backbone.eval()


def shift_for(logits: Tensor, active_terms: int) -> float:
    """The number to add to pooled logits so that the texts have this many active terms on average.

    logits: float [texts, dim], each term's largest over the text's tokens. A start for `bias_start`.
    """
    texts, dim = logits.shape
    place = texts * min(active_terms, dim - 1)
    return -float(logits.flatten().sort(descending=True).values[place])


def _find(source: str | Path, headless: bool) -> TransformerSpec:
    _, place = locate(source)
    if place.suffix == ".gguf":
        return TransformerSpec(place)
    if headless and (place / "config.json").exists() and not (place / "router_config.json").exists():
        return bare_spec(place)  # whatever dense pooling is stored beside it
    spec = read_spec(place).document
    if not isinstance(spec, TransformerSpec):
        raise ModelError(f"{place}: its documents are encoded by a table, not by a language model")
    return spec


def _set_attention(model: Any, attention: str | None) -> None:
    if not is_causal_lm(model.config):
        if attention == "causal":
            raise ModelError(f"a {model.config.model_type} attends in both directions; only a decoder can be causal")
        return
    recorded = "bidirectional" if getattr(model.config, "is_causal", True) is False else "causal"
    if (attention or recorded) == "bidirectional":
        attend_both_ways(model)
    elif recorded == "bidirectional":
        model.config.is_causal = True


def _term_head(width: int, layers: int) -> nn.Sequential:
    last = nn.Linear(width, 1)
    nn.init.ones_(last.bias)  # most tokens weigh something at first: relu gives no gradient to those that don't
    return nn.Sequential(last) if layers == 1 else nn.Sequential(nn.Linear(width, width), nn.ReLU(), last)


def _read_frequencies(spec: TransformerSpec, dim: int, start: float) -> Tensor:
    file = spec.frequency_file
    if file is None:
        return torch.full((dim,), float(start))
    stored = read_tensors(file)
    if {name: tuple(tensor.shape) for name, tensor in stored.items()} != {"weight": (dim,)}:
        raise ModelError(f"{file} should contain `weight`, one number for each of {dim:,} terms")
    return stored["weight"]


def _restore_head(backbone: Backbone, stored: dict[str, Tensor]) -> None:
    file, shapes = backbone.spec.head_file, {name: tuple(tensor.shape) for name, tensor in stored.items()}
    if backbone.term_head is not None:
        expected = {name: tuple(tensor.shape) for name, tensor in backbone.term_head.state_dict().items()}
        if shapes != expected:
            raise ModelError(f"{file} contains {shapes}; expected {expected}")
        backbone.term_head.load_state_dict(stored)
        return
    known = {"scale": (), "bias": (backbone.dim,)}
    if not shapes or any(known.get(name) != shape for name, shape in shapes.items()):
        raise ModelError(f"{file} contains {shapes}; expected some of {known}")
    if "scale" in stored:
        _set_scale(backbone, float(stored["scale"]), learn=False)
    if "bias" in stored:
        _set_bias(backbone, "term", stored["bias"])


def _set_scale(backbone: Backbone, scale: float | str | None, learn: bool) -> None:
    if backbone.head is None:
        raise ModelError(f"{backbone.spec.folder}: only logits that are a linear layer of hidden states can be scaled")
    if isinstance(scale, str) or (scale is not None and not 0 < scale < float("inf")):
        raise ModelError(f"scale is {scale!r}; expected a number above zero, or {HIDDEN_SCALE!r}")
    value = torch.tensor(1.0 if scale is None else scale, device=backbone.head.weight.device)
    if backbone.scale is not None:
        value = value * backbone.scale.detach()
    backbone.scale = None
    if learn:
        del backbone._buffers["scale"]
        backbone.register_parameter("scale", nn.Parameter(value))
    else:
        backbone.scale = value


def _set_bias(backbone: Backbone, kind: str, start: float | Tensor) -> None:
    head = backbone.head
    if head is None:
        raise ModelError(f"{backbone.spec.folder}: only logits that are a linear layer of hidden states can be shifted")
    if kind == "scalar":
        backbone.shift = nn.Parameter(torch.as_tensor(start, dtype=torch.float32, device=head.weight.device))
    elif head.bias is None:
        head.bias = nn.Parameter(torch.zeros(backbone.dim, device=head.weight.device) + start)
    else:
        with torch.no_grad():
            head.bias.add_(start)

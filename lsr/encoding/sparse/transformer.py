"""Encode text with a language model: SPLADE (Formal et al. 2021, https://arxiv.org/abs/2109.10086) and relatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import numpy as np
import numpy.typing as npt
import torch

from lsr.core.errors import ModelError
from lsr.encoding.shared.batches import batches_by_length
from lsr.encoding.shared.placement import autocast, choose_device, has_native_bfloat16, place, tokens_at_once
from lsr.encoding.shared.threads import check_process, use_threads
from lsr.encoding.shared.tokens import TextTokenizer, pad
from lsr.encoding.sparse.backbone import Backbone, load_backbone
from lsr.encoding.sparse.pooling import pool_term_weights
from lsr.encoding.sparse.projection import VocabularyProjection, pool_logits, sparse_rows
from lsr.encoding.sparse.rows import Row, add, merge_max
from lsr.encoding.sparse.spec import TransformerSpec

_LOGITS = 1 << 24  # numbers in [batch, length, vocabulary] where a model's own logits are used: 64 MB


class TransformerTower:
    """A language model whose logits, or term weights, are pooled over the tokens of a text.

    In bfloat16 the transformer's linear layers and attention run in bfloat16 (by autocast; float32 between them). The
    projection to the vocabulary gives float32's result either way.

    Attributes:
        device: where it runs.
        dtype: what the transformer computes in: "float32" or "bfloat16".
    """

    def __init__(
        self,
        spec: TransformerSpec,
        *,
        max_length: int | None = None,
        overlap: int | None = None,
        special_tokens: bool = True,
        device: str | None = None,
        dtype: str = "auto",
        threads: int | None = None,
    ) -> None:
        choose_device(device)
        self.spec = spec
        self.special_tokens = special_tokens
        self.max_length = max_length or spec.max_length
        self.backbone = backbone = load_backbone(spec)
        use_threads(threads)
        self.tokenizer = self._tokenizer(overlap)
        self.dim = backbone.dim
        head = backbone.head
        self.device, self.dtype = place(backbone.model, device, dtype, gains=_gains_from_bfloat16(backbone))
        backbone.to(self.device)
        self._projection = None
        if head is not None:
            bias = backbone.bias
            self._projection = VocabularyProjection(
                head.weight.detach(),
                None if bias is None else bias.detach(),
                pooling=spec.pooling,
                activation=spec.activation,
                screen=has_native_bfloat16(self.device),
            )

    def share(self, spec: TransformerSpec) -> TransformerTower:
        """The same model, not loaded again, for a side that differs in its prompt or is not read in windows."""
        tower = copy(self)
        tower.spec = spec
        tower.tokenizer = tower._tokenizer(None)
        return tower

    def _tokenizer(self, overlap: int | None) -> TextTokenizer:
        return self.backbone.tokenizer(max_length=self.max_length, prompt=self.spec.prompt, overlap=overlap)

    @property
    def top_k(self) -> int | None:
        """How many terms of a text the model keeps; None for all."""
        return self.spec.top_k

    def encode(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> list[Row]:
        """One (term ids, weights) pair per text, in order.

        Texts are run longest first, so that there is little padding, at most `batch_size` at a time and as many as fit
        the budget of tokens.
        """
        windows, owners = self.tokenizer.encode(texts)
        is_first = np.diff(owners, prepend=-1) > 0
        rows: list[Row | None] = [None] * len(windows)
        budget = tokens_at_once(self.device)
        if self._projection is None and self.backbone.term_head is None:
            budget = min(budget, _LOGITS // self.dim)
        lengths = [len(window) for window in windows]
        limits = {"max_length": self.tokenizer.longest, "batch_size": batch_size, "tokens": budget}
        for batch, width in batches_by_length(lengths, **limits):
            found = self._run([windows[position] for position in batch], width)
            for position, row in zip(batch, found, strict=True):
                rows[position] = row
            if progress:
                progress(int(is_first[batch].sum()))
        starts = np.flatnonzero(is_first).tolist()
        done = [row for row in rows if row is not None]
        if len(starts) == len(windows):
            return done
        return [merge_max(done[start:end]) for start, end in zip(starts, [*starts[1:], len(done)], strict=True)]

    @torch.inference_mode()
    def _run(self, windows: list[npt.NDArray[np.int64]], width: int) -> list[Row]:
        check_process(self.device)
        backbone, spec = self.backbone, self.spec
        padded = pad(windows, backbone.padding_id, width)
        tokens, mask = (torch.from_numpy(array).to(self.device) for array in padded)
        kept = backbone.kept(tokens, mask, special_tokens=self.special_tokens)
        with autocast(self.device, self.dtype):
            output = backbone(tokens, mask)
            if backbone.term_head is not None:
                output = backbone.term_scores(output)
        if not bool(output[kept].isfinite().all()):
            raise ModelError(f"{spec.folder} computes numbers that are not finite: try dtype='float32'")
        options = {"pooling": spec.pooling, "activation": spec.activation}
        if backbone.term_head is not None:
            rows = sparse_rows(pool_term_weights(output, tokens, kept, self.dim, **options), kept)
        elif self._projection is not None:
            rows = self._projection(output, kept)
        else:
            rows = pool_logits(output, kept, **options)
        if backbone.frequency is not None:
            own_terms = sparse_rows(backbone.frequencies(tokens, mask), kept)
            rows = [add(row, own) for row, own in zip(rows, own_terms, strict=True)]
        if spec.lexical:
            there = backbone.occurring(tokens, mask).cpu().numpy()
            rows = [(terms[own[terms]], weights[own[terms]]) for (terms, weights), own in zip(rows, there, strict=True)]
        if not all(np.isfinite(weights).all() for _, weights in rows):
            raise ModelError(f"{spec.folder} computes term weights beyond float32's range")
        return rows


def _gains_from_bfloat16(backbone: Backbone) -> bool:
    """False for a transformer far smaller than the projection, as BERT-tiny, whose gain is not worth the rounding."""
    body = sum(module.weight.numel() for module in backbone.model.modules() if type(module) is torch.nn.Linear)
    return backbone.head is None or 4 * body > backbone.head.weight.numel()

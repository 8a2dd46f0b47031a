"""Encode text with a masked language model: SPLADE (Formal et al. 2021, https://arxiv.org/abs/2109.10086)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy

import numpy as np
import numpy.typing as npt
import torch

from lsr.encoding.layout import TransformerSpec, position_limit
from lsr.encoding.masked_lm import detach_head, halve_linear_layers, load_masked_lm
from lsr.encoding.projection import VocabularyProjection, pool_logits
from lsr.encoding.rows import Row, merge_max
from lsr.encoding.tokens import TextTokenizer
from lsr.errors import ModelError

# Tokens, padding included, in one run of the model. More gives a CPU nothing but costs memory; a GPU wants filling.
_CPU_TOKENS = 1024
_GPU_TOKENS = 65536
# Lengths are rounded up to a multiple of this: oneDNN keeps code compiled for every shape of product that it has met.
_STEP = 16
_LOGITS = 1 << 24  # numbers in [batch, length, vocabulary] where a model's own logits are used: 64 MB


class TransformerTower:
    """A masked LM whose logits are pooled over the tokens of a text.

    In bfloat16 the transformer's linear layers and attention run in bfloat16 (by autocast; float32 between them). The
    projection to the vocabulary gives float32's result either way.
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
    ) -> None:
        self.spec = spec
        self.special_tokens = special_tokens
        self.max_length = max_length or spec.max_length
        self.tokenizer = self._tokenizer(overlap)
        self.device = torch.device(device or "cpu")
        self._model = model = load_masked_lm(spec.folder)
        limit = position_limit(model.config.to_dict())
        if limit and self.max_length > limit:
            raise ModelError(f"max_length {self.max_length} is more than the {limit} positions of {spec.folder}")
        head = detach_head(model)
        self.dim = head.out_features if head is not None else int(model.config.vocab_size)
        native = has_native_bfloat16(self.device)
        self._low = _use_bfloat16(dtype, native, model, head)
        if self._low:
            halve_linear_layers(model, torch.bfloat16)
        model.to(self.device)
        self._projection = None
        if head is not None:
            self._projection = VocabularyProjection(
                head.weight.detach().to(self.device),
                None if head.bias is None else head.bias.detach().to(self.device),
                pooling=spec.pooling,
                activation=spec.activation,
                screen=native,
            )
        self._padding = int(getattr(model.config, "pad_token_id", None) or 0)

    def share(self, spec: TransformerSpec) -> TransformerTower:
        """The same model, not loaded again, for a side that differs in its prompt or is not read in windows."""
        tower = copy(self)
        tower.spec = spec
        tower.tokenizer = tower._tokenizer(None)
        return tower

    def _tokenizer(self, overlap: int | None) -> TextTokenizer:
        spec = self.spec
        return TextTokenizer(
            spec.folder, max_length=self.max_length, overlap=overlap, prompt=spec.prompt, lower_case=spec.lower_case
        )

    @property
    def dtype(self) -> str:
        """What the transformer computes in: "float32" or "bfloat16"."""
        return "bfloat16" if self._low else "float32"

    def encode(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> list[Row]:
        """One (term ids, weights) pair a text, in order.

        Texts are taken longest first, so that little is padding, at most `batch_size` at a time and as many as fit the
        budget of tokens.
        """
        windows, owners = self.tokenizer.encode(texts)
        is_first = np.diff(owners, prepend=-1) > 0
        rows: list[Row | None] = [None] * len(windows)
        for batch in self._batches([len(window) for window in windows], batch_size):
            for position, row in zip(batch, self._run([windows[position] for position in batch]), strict=True):
                rows[position] = row
            if progress:
                progress(int(is_first[batch].sum()))
        starts = np.flatnonzero(is_first).tolist()
        done = [row for row in rows if row is not None]
        if len(starts) == len(windows):
            return done
        return [merge_max(done[start:end]) for start, end in zip(starts, [*starts[1:], len(done)], strict=True)]

    def _batches(self, lengths: list[int], batch_size: int) -> Iterator[list[int]]:
        budget = _CPU_TOKENS if self.device.type == "cpu" else _GPU_TOKENS
        if self._projection is None:
            budget = min(budget, _LOGITS // self.dim)
        batch: list[int] = []
        for position in np.argsort(np.negative(lengths), kind="stable").tolist():
            if batch and (len(batch) == batch_size or (len(batch) + 1) * self._padded(lengths[batch[0]]) > budget):
                yield batch
                batch = []
            batch.append(position)
        if batch:
            yield batch

    def _padded(self, length: int) -> int:
        # At least one, for an empty text of a tokenizer that adds no special tokens.
        return max(1, min(-(-length // _STEP) * _STEP, self.max_length))

    @torch.inference_mode()
    def _run(self, windows: list[npt.NDArray[np.int64]]) -> list[Row]:
        lengths = np.array([len(window) for window in windows])
        present = np.arange(self._padded(int(lengths.max()))) < lengths[:, None]
        tokens = np.full(present.shape, self._padding, dtype=np.int64)
        tokens[present] = np.concatenate(windows)
        kept = present if self.special_tokens else present & ~np.isin(tokens, self.tokenizer.special_ids)
        mask, pooled = torch.from_numpy(present).to(self.device), torch.from_numpy(kept).to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._low):
            output = self._model(input_ids=torch.from_numpy(tokens).to(self.device), attention_mask=mask.long()).logits
        if not bool(output[pooled].isfinite().all()):
            raise ModelError(f"{self.spec.folder} computes numbers that are not finite: try dtype='float32'")
        if self._projection is not None:
            rows = self._projection(output, pooled)
        else:
            rows = pool_logits(output, pooled, pooling=self.spec.pooling, activation=self.spec.activation)
        if not all(np.isfinite(weights).all() for _, weights in rows):
            raise ModelError(f"{self.spec.folder} computes term weights beyond float32's range")
        return rows


def has_native_bfloat16(device: torch.device) -> bool:
    """Whether products of bfloat16 are faster than float32's here: AVX512-BF16 or AMX; CUDA from Ampere on."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def _use_bfloat16(dtype: str, native: bool, model: torch.nn.Module, head: torch.nn.Linear | None) -> bool:
    if dtype not in ("auto", "float32", "bfloat16"):
        raise ModelError(f"dtype is {dtype!r}; it can be 'auto', 'float32' or 'bfloat16'")
    if dtype != "auto" or not native:
        return dtype == "bfloat16"
    # A transformer far smaller than the projection, such as BERT-tiny, would gain nothing that is worth the rounding.
    body = sum(module.weight.numel() for module in model.modules() if isinstance(module, torch.nn.Linear))
    return head is None or 4 * body > head.weight.numel()

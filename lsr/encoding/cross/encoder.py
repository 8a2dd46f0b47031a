"""Score queries and texts read together: cross-encoders (Nogueira and Cho 2019, arXiv:1901.04085)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lsr.core.arguments import count, list_of_texts
from lsr.core.errors import InputError, ModelError
from lsr.core.types import Scores
from lsr.encoding.shared.agreement import check_fit, check_tokenizer
from lsr.encoding.shared.batches import batches_by_length
from lsr.encoding.shared.folder import (
    ABOUT,
    LENGTH_CAP,
    MODULES,
    fingerprint,
    model_files,
    position_limit,
    read_modules,
    read_optional,
    reading,
)
from lsr.encoding.shared.heads import head, head_lengths
from lsr.encoding.shared.hub import locate
from lsr.encoding.shared.placement import autocast, choose_device, place, tokens_at_once
from lsr.encoding.shared.strict import load_strictly, quiet
from lsr.encoding.shared.threads import check_process, use_threads
from lsr.encoding.shared.tokens import check_texts, fast_tokenizer

# How many pairs are tokenised and sorted by length together.
_PAIRS = 2048


class CrossEncoder:
    """A transformer with a classification head over a pair of query and text. Make one with `load`.

    The score is the logit of a head with one label, without the sigmoid that sentence-transformers' CrossEncoder may
    put over it; of a head with two, the log-odds of the second ("relevant"): the difference of the logits. Safe to use
    from several threads.

    Attributes:
        name: the short name, hub name or absolute path it was loaded from.
        max_length: tokens read of query and text together, special tokens included.
        dtype: what the transformer computes in: "float32" or "bfloat16".
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        max_length: int | None = None,
        device: str | None = None,
        dtype: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.name = name
        use_threads(threads)
        choose_device(device)
        self._folder = folder = _transformer(folder)
        self._model = model = load_strictly("AutoModelForSequenceClassification", folder)
        self._labels = int(model.config.num_labels)
        if self._labels not in (1, 2):
            raise ModelError(
                f"{name} has {self._labels} labels; a cross-encoder for ranking has one, or two of which the second "
                "means relevant"
            )
        with quiet():
            self._tokenizer = fast_tokenizer(folder)
        check_tokenizer(self._tokenizer.backend_tokenizer, folder)
        check_fit(self._tokenizer.backend_tokenizer, int(model.config.vocab_size), folder)
        # Truncation is a state of the tokenizer, which two threads must not set at once.
        self._lock = threading.Lock()
        limits = [position_limit(model.config.to_dict()), self._tokenizer.model_max_length, max_length or LENGTH_CAP]
        self.max_length = min(limit for limit in limits if limit)
        added = self._tokenizer.num_special_tokens_to_add(pair=True)
        if self.max_length <= added or max_length == 0:
            raise ModelError(f"max_length {max_length} leaves no room for text next to {added} special tokens")
        self._device, self.dtype = place(model, device, dtype)

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        max_length: int | None = None,
        device: str | None = None,
        dtype: str = "auto",
        threads: int | None = None,
    ) -> CrossEncoder:
        """Load a cross-encoder strictly: anything that does not fit raises a ModelError that names it.

        Args:
            name_or_path: a folder that transformers' AutoModelForSequenceClassification loads, a sentence-transformers
                CrossEncoder's among them, or ORG/NAME on the Hugging Face hub.
            max_length: tokens read of query and text together, the longer one being cut first: 512 if not given, or
                the model's own limit where that is lower.
            device: "cpu", "cuda", "cuda:1", "mps"; if not given, a CUDA GPU where there is one, else the CPU.
            dtype: "float32", "bfloat16", or "auto", which takes bfloat16 where the hardware multiplies in it.
            threads: as for `SparseEncoder.load`.
        """
        name, folder = locate(name_or_path)
        return cls(name, folder, max_length=max_length, device=device, dtype=dtype, threads=threads)

    def score(
        self,
        query: str,
        texts: Sequence[str],
        *,
        batch_size: int = 64,
        progress: Callable[[int], None] | None = None,
    ) -> Scores:
        """The score of each text for the query: float32 [texts]; larger is better. For arguments see `score_pairs`."""
        texts = list_of_texts(texts)
        return self.score_pairs([query] * len(texts), texts, batch_size=batch_size, progress=progress)

    def score_pairs(
        self,
        queries: Sequence[str],
        texts: Sequence[str],
        *,
        batch_size: int = 64,
        progress: Callable[[int], None] | None = None,
    ) -> Scores:
        """The score of each pair of query and text: float32 [texts]; larger is better.

        `batch_size` bounds the pairs in one run of the model, which takes fewer where they are long. `progress` is
        called with the number of pairs just finished. InputError if a query or a text is not a string, or if their
        numbers differ.
        """
        queries, texts = list_of_texts(queries, "queries"), list_of_texts(texts)
        batch_size = count(batch_size, "batch_size")
        if len(queries) != len(texts):
            raise InputError(f"{len(queries)} queries came with {len(texts)} texts; give one for each")
        scores = np.empty(len(texts), np.float32)
        for first in range(0, len(texts), _PAIRS):
            part = slice(first, first + _PAIRS)
            scores[part] = self._score(list(queries[part]), list(texts[part]), first, batch_size, progress)
        return scores

    def settings(self) -> dict[str, Any]:
        """Everything that decides the scores, as JSON values; weights and tokenizer as a hash of their files."""
        return {
            "kind": "cross-encoder",
            "model": self.name,
            "max_length": self.max_length,
            "labels": self._labels,
            "dtype": self.dtype,
            "fingerprint": fingerprint(model_files(self._folder)),
        }

    def __repr__(self) -> str:
        return f"CrossEncoder({self.name!r}, max_length {self.max_length})"

    def _score(
        self,
        queries: list[str],
        texts: list[str],
        first: int,
        batch_size: int,
        progress: Callable[[int], None] | None,
    ) -> Scores:
        check_texts(queries, first)
        check_texts(texts, first)
        with self._lock:
            queries, texts = ([self._head(text) for text in side] for side in (queries, texts))
            encoded = self._tokenizer(queries, texts, truncation="longest_first", max_length=self.max_length)
        lengths = [len(tokens) for tokens in encoded["input_ids"]]
        scores = np.empty(len(texts), np.float32)
        limits = {"max_length": self.max_length, "batch_size": batch_size, "tokens": tokens_at_once(self._device)}
        for batch, width in batches_by_length(lengths, **limits):
            features = [{name: values[position] for name, values in encoded.items()} for position in batch]
            scores[batch] = self._run(features, width)
            if progress:
                progress(len(batch))
        return scores

    def _head(self, text: str) -> str:
        """As much of a text as can have a part in a pair: more tokens than a pair has, if there are as many."""
        lengths = head_lengths(self.max_length)
        length = next(lengths)
        if len(text) <= length:
            return text
        while len(self._tokenizer(part := head(text, length), verbose=False)["input_ids"]) < 2 * self.max_length:
            if len(part) == len(text) or (length := next(lengths, 0)) == 0:
                break
        return part

    @torch.inference_mode()
    def _run(self, features: list[dict[str, list[int]]], width: int) -> Scores:
        padded = self._tokenizer.pad(features, padding="max_length", max_length=width, return_tensors="pt")
        check_process(self._device)
        with autocast(self._device, self.dtype):
            logits = self._model(**padded.to(self._device)).logits.float()
        scores = logits[:, 0] if self._labels == 1 else logits[:, 1] - logits[:, 0]
        if not bool(scores.isfinite().all()):
            raise ModelError(f"{self.name} computes scores that are not finite: try dtype='float32'")
        return scores.cpu().numpy()


def _transformer(folder: Path) -> Path:
    """The folder of transformer and head. ModelError if a sentence-transformers folder has more than these."""
    if not (folder / MODULES).exists():
        return folder
    with reading(folder):
        modules = read_modules(folder)
        kinds = [kind for kind, _ in modules]
        if kinds != ["Transformer"]:
            raise ModelError(
                f"{folder} is not a kind of cross-encoder that lsr can read. Its modules are {', '.join(kinds)}; "
                "expected a Transformer alone, with a classification head"
            )
        about = read_optional(folder / ABOUT)
        if prompt := (about.get("prompts") or {}).get(about.get("default_prompt_name")):
            raise ModelError(
                f"{folder} puts a prompt before each pair, {json.dumps(prompt)}, which lsr does not support"
            )
        return modules[0][1]

"""Encode text as dense vectors: sentence-transformers' bi-encoders (Reimers and Gurevych 2019, arXiv:1908.10084)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from lsr.core.errors import ModelError, Remedy
from lsr.core.types import Vectors
from lsr.encoding.catalogue import DEFAULT_DENSE_MODEL, packaged_model
from lsr.encoding.dense.layout import DenseLayout, read_dense_layout
from lsr.encoding.shared.body import States, TransformerBody, noted, tokenised
from lsr.encoding.shared.hub import locate
from lsr.encoding.shared.recorded import check_recorded, locate_recorded, recorded
from lsr.encoding.shared.tally import Tally, TextReport
from lsr.encoding.shared.tokens import TextTokenizer


class DenseEncoder:
    """Encodes documents and queries as dense vectors. Make one with `load`. Safe to use from several threads.

    Attributes:
        name: the short name, hub name or absolute path it was loaded from.
        dim: numbers of a vector.
        max_length: tokens read of a text, special tokens and prompt included.
        similarity: what compares two vectors: "cosine" or "dot".
        device: where it runs.
        dtype: what the transformer computes in: "float32" or "bfloat16".
    """

    def __init__(
        self,
        name: str,
        layout: DenseLayout,
        *,
        max_length: int | None = None,
        device: str | None = None,
        dtype: str = "auto",
        threads: int | None = None,
    ) -> None:
        if max_length is not None and not 1 <= max_length <= layout.max_length:
            raise ModelError(f"max_length must lie in 1 … {layout.max_length}, the limit of {name}, not {max_length}")
        self.name = name
        self.max_length = max_length or layout.max_length
        self.similarity = layout.similarity
        self._layout = layout
        self._documents = self._tokenizer(layout.document_prompt)
        self._queries = self._tokenizer(layout.query_prompt)
        self._body = TransformerBody(name, layout.folder, device=device, dtype=dtype, threads=threads)
        self._documents.check_fit(self._body.terms)
        self.dim = self._body.dim
        if layout.dim not in (None, self.dim):
            raise ModelError(
                f"{name}: its pooling is configured for vectors of {layout.dim} numbers, and its transformer gives "
                f"{self.dim}: they are not of one model"
            )
        self.device, self.dtype = self._body.device, self._body.dtype

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = DEFAULT_DENSE_MODEL,
        *,
        max_length: int | None = None,
        device: str | None = None,
        dtype: str = "auto",
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        threads: int | None = None,
    ) -> DenseEncoder:
        """Load a sentence-transformers folder strictly: anything that does not fit raises a ModelError that names it.

        Args:
            name_or_path: a packaged model's short name, a folder with a modules.json, or ORG/NAME on the Hugging Face
                hub. The folder says pooling (mean, cls, max, lasttoken), normalisation, prompts and similarity.
            max_length: tokens read of each text; the model's own limit if not given.
            device: "cpu", "cuda", "cuda:1", "mps"; if not given, a CUDA GPU where there is one, else the CPU.
            dtype: what the transformer computes in: "float32", "bfloat16", or "auto", which takes bfloat16 where the
                hardware multiplies in it; cosines then differ by a few thousandths.
            query_prompt, document_prompt: text put before each text, in place of what the folder records.
            threads: as for `SparseEncoder.load`.
        """
        packaged = packaged_model(str(name_or_path))
        if packaged is not None and packaged.kind != "dense":
            raise ModelError(f"{packaged.name!r} is not a dense encoder: {packaged.description}")
        name, folder = locate(name_or_path)
        layout = read_dense_layout(folder)
        if query_prompt is not None:
            layout = replace(layout, query_prompt=query_prompt)
        if document_prompt is not None:
            layout = replace(layout, document_prompt=document_prompt)
        return cls(name, layout, max_length=max_length, device=device, dtype=dtype, threads=threads)

    @classmethod
    def of_record(
        cls,
        record: Mapping[str, Any],
        *,
        device: str | None = None,
        dtype: str = "auto",
        threads: int | None = None,
        remedies: Sequence[Remedy | str] = (),
    ) -> DenseEncoder:
        """Load the encoder whose `settings` these are, computing in what `dtype` says.

        ModelError, before its weights are read, if its model is not here any more or would give other vectors now, with
        these `remedies` for that.
        """
        name, folder = locate_recorded(record)
        fields = recorded(record, "max_length", "query_prompt", "document_prompt")
        max_length = fields.pop("max_length")
        layout = replace(read_dense_layout(folder), **fields)
        check_recorded(name, layout.describe(), record, "these dense vectors", remedies)
        return cls(name, layout, max_length=max_length, device=device, dtype=dtype, threads=threads)

    def encode_documents(
        self, texts: Iterable[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """Encode documents: float32 [texts, dim], in order, a blank text as zeros. InputError if a text is no string.

        `batch_size` bounds the texts in one run of the model, which takes fewer where they are long. `progress` is
        called with the number of texts just finished.
        """
        return self._join(self._stream(self._documents, texts, batch_size, progress))

    def encode_queries(
        self, texts: Iterable[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """Like `encode_documents`, with the prompt for queries."""
        return self._join(self._stream(self._queries, texts, batch_size, progress))

    def stream_documents(
        self, texts: Iterable[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> Iterator[Vectors]:
        """Like `encode_documents`, in parts of about a thousand rows, for more vectors than fit in memory."""
        return self._stream(self._documents, texts, batch_size, progress)

    def settings(self) -> dict[str, Any]:
        """Everything that decides the vectors, as JSON values; weights and tokenizer as a hash of their files."""
        return {
            "model": self.name,
            "dim": self.dim,
            "max_length": self.max_length,
            "dtype": self.dtype,
            **self._layout.describe(),
        }

    def text_report(self) -> TextReport:
        """What has been read of documents so far: how many were cut, how much of them the model knows."""
        return self._documents.report()

    @property
    def tally(self) -> Tally:
        """The counts of `text_report`."""
        return self._documents.tally

    def __repr__(self) -> str:
        return f"DenseEncoder({self.name!r}, {self.dim} numbers, max_length {self.max_length}, {self.similarity})"

    def _tokenizer(self, prompt: str) -> TextTokenizer:
        layout = self._layout
        return TextTokenizer(layout.folder, max_length=self.max_length, prompt=prompt, lower_case=layout.lower_case)

    def _join(self, parts: Iterator[Vectors]) -> Vectors:
        return np.concatenate([np.empty((0, self.dim), np.float32), *parts])

    def _stream(
        self, tokenizer: TextTokenizer, texts: Iterable[str], batch_size: int, progress: Callable[[int], None] | None
    ) -> Iterator[Vectors]:
        blank: deque[bool] = deque()
        for rows in tokenised(tokenizer, noted(texts, blank)):
            vectors = np.empty((len(rows), self.dim), np.float32)
            for states in self._body.states(rows, max_length=self.max_length, batch_size=batch_size):
                vectors[states.batch] = self._vectors(states)
                if progress:
                    progress(len(states.batch))
            vectors[[blank.popleft() for _ in rows]] = 0
            yield vectors

    @torch.inference_mode()
    def _vectors(self, states: States) -> Vectors:
        vectors = _pool(states.hidden, states.present, self._layout.pooling)
        if self._layout.normalise:
            vectors = normalize(vectors, dim=1)
        return self._body.check(vectors).cpu().numpy()


def _pool(hidden: Tensor, present: Tensor, pooling: str) -> Tensor:
    """Pool [batch, length, dim] to [batch, dim], ignoring padding, which is on the right."""
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "lasttoken":
        last = (present.sum(1) - 1).clamp(min=0)
        return hidden[torch.arange(len(hidden), device=hidden.device), last]
    if pooling == "max":
        return hidden.masked_fill(~present[..., None], -torch.inf).amax(1)
    weights = present[..., None].to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)

"""Encode text as one vector per token, for late interaction (ColBERT: Khattab and Zaharia 2020, arXiv:2004.12832)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import normalize

from lsr.core.documents import is_blank
from lsr.core.errors import ModelError
from lsr.core.types import Vectors
from lsr.encoding.late.layout import TokenLayout, read_token_layout
from lsr.encoding.late.projection import load_projection
from lsr.encoding.late.rows import TokenRows
from lsr.encoding.shared.body import States, TransformerBody, noted, tokenised
from lsr.encoding.shared.hub import locate
from lsr.encoding.shared.recorded import check_recorded, locate_recorded, recorded
from lsr.encoding.shared.tally import Tally, TextReport

# The most numbers in the vectors of one batch of documents: 64 MB.
_NUMBERS = 1 << 24
# Texts in such a batch, which are sorted by length together.
_FEWEST, _MOST = 16, 1024


class TokenEncoder:
    """Encodes texts as token vectors of length one, for comparison by MaxSim. Make one with `load`.

    MaxSim is the sum, over the tokens of the query, of the largest inner product with a token of the document
    (`lsr.index.LateVectors`). Safe to use from several threads.

    Attributes:
        name: the short name, hub name or absolute path it was loaded from.
        dim: numbers of a vector.
        max_length: tokens read of a document, special tokens, prompt and marker included.
        dtype: what the transformer computes in: "float32" or "bfloat16".
    """

    def __init__(
        self,
        name: str,
        layout: TokenLayout,
        *,
        device: str | None = None,
        dtype: str = "auto",
        special_tokens: bool = True,
        threads: int | None = None,
    ) -> None:
        self.name = name
        self.max_length = layout.document.max_length
        self.special_tokens = special_tokens
        self._layout = layout
        if layout.expansion is not None and not special_tokens:
            raise ModelError(
                f"{name} pads queries with mask tokens, which are special tokens: these cannot be left out"
            )
        self._queries = TokenRows(layout, layout.query, special_tokens, expansion=layout.expansion)
        self._documents = TokenRows(layout, layout.document, special_tokens, skipped=layout.skipped)
        self._body = TransformerBody(name, layout.folder, device=device, dtype=dtype, threads=threads)
        self._documents.tokenizer.check_fit(self._body.terms)
        self.dtype = self._body.dtype
        self._projection, self.dim = load_projection(layout.layers, self._body.dim, self._body.device)

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        max_length: int | None = None,
        device: str | None = None,
        dtype: str = "auto",
        special_tokens: bool = True,
        skipped: Sequence[str] | None = None,
        threads: int | None = None,
    ) -> TokenEncoder:
        """Load a model strictly: anything that does not fit raises a ModelError that names it.

        Args:
            name_or_path: a packaged dense encoder's short name, ORG/NAME on the Hugging Face hub, or a folder of one of
                the layouts in `lsr.encoding.late.layout`.
            max_length: tokens read of a document, and at most of a query; what the folder says if not given.
            device: "cpu", "cuda", "cuda:1", "mps"; if not given, a CUDA GPU where there is one, else the CPU.
            dtype: what the transformer computes in: "float32", "bfloat16", or "auto", which takes bfloat16 where the
                hardware multiplies in it.
            special_tokens: give [CLS], [SEP] and markers a vector too, as ColBERT does.
            skipped: tokens of documents that get no vector, as the tokenizer writes them; what the folder says if not
                given, and ASCII punctuation, as in ColBERT, if that says nothing. The other tokens' vectors still
                depend on them.
            threads: as for `SparseEncoder.load`.
        """
        name, folder = locate(name_or_path)
        layout = read_token_layout(folder).with_max_length(max_length, name)
        if skipped is not None:
            layout = replace(layout, skipped=tuple(skipped))
        return cls(name, layout, device=device, dtype=dtype, special_tokens=special_tokens, threads=threads)

    @classmethod
    def of_record(
        cls, record: Mapping[str, Any], *, device: str | None = None, dtype: str = "auto", threads: int | None = None
    ) -> TokenEncoder:
        """Load the encoder whose `settings` these are, computing in what `dtype` says.

        ModelError, before its weights are read, if its model is not here any more or would give other vectors now.
        """
        name, folder = locate_recorded(record)
        fields = recorded(record, "max_length", "special_tokens", "skipped")
        layout = read_token_layout(folder).with_max_length(fields["max_length"], name)
        layout = replace(layout, skipped=tuple(fields["skipped"]))
        check_recorded(name, layout.describe(), record, "these token vectors")
        return cls(name, layout, device=device, dtype=dtype, special_tokens=fields["special_tokens"], threads=threads)

    def encode_queries(
        self, texts: Iterable[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> list[Vectors]:
        """Encode queries: one float32 [tokens, dim] per text, in order. InputError if a text is not a string.

        A blank text has no tokens: [0, dim]. `batch_size` bounds the texts in one run of the model, which takes fewer
        where they are long. `progress` is called with the number of texts just finished.
        """
        found: list[Vectors] = []
        for indptr, vectors in self._stream(self._queries, texts, batch_size, progress):
            found.extend(np.split(vectors, indptr[1:-1]))
        return found

    def stream_documents(
        self, texts: Iterable[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> Iterator[tuple[npt.NDArray[np.int64], Vectors]]:
        """Encode documents in batches of at most about 64 MB: (indptr, vectors), in order.

        indptr: int64 [texts in the batch + 1]; vectors: float32 [tokens in the batch, dim]. The vectors of text i of a
        batch are vectors[indptr[i]:indptr[i + 1]]; there may be none. For other arguments see `encode_queries`.
        """
        return self._stream(self._documents, texts, batch_size, progress)

    def query_tokens(self, text: str) -> list[str]:
        """The token of each vector of this query."""
        return self._tokens(self._queries, text)

    def document_tokens(self, text: str) -> list[str]:
        """The token of each vector of this document."""
        return self._tokens(self._documents, text)

    def settings(self) -> dict[str, Any]:
        """Everything that decides the vectors, as JSON values; weights and tokenizer as a hash of their files."""
        return {
            "model": self.name,
            "dim": self.dim,
            "max_length": self.max_length,
            "special_tokens": self.special_tokens,
            "dtype": self.dtype,
            **self._layout.describe(),
        }

    def text_report(self) -> TextReport:
        """What has been read of documents so far: how many were cut, how much of them the model knows."""
        return self._documents.tokenizer.report()

    @property
    def tally(self) -> Tally:
        """The counts of `text_report`."""
        return self._documents.tokenizer.tally

    @property
    def texts_at_once(self) -> int:
        """How many documents are tokenised, and sorted by length, together."""
        return self._lot(self._documents)

    def __repr__(self) -> str:
        return f"TokenEncoder({self.name!r}, {self.dim} numbers a token, max_length {self.max_length})"

    def _stream(
        self, side: TokenRows, texts: Iterable[str], batch_size: int, progress: Callable[[int], None] | None
    ) -> Iterator[tuple[npt.NDArray[np.int64], Vectors]]:
        blank: deque[bool] = deque()
        for tokens in tokenised(side.tokenizer, noted(texts, blank), most=self._lot(side)):
            rows = [side.row(row) for row in tokens]
            attended = [side.attended(row) for row in tokens]
            # Markers and masks alone would be like any text.
            kept = [side.kept(row) & (not blank.popleft()) for row in rows]
            indptr = np.zeros(len(rows) + 1, np.int64)
            np.cumsum([np.count_nonzero(keep) for keep in kept], out=indptr[1:])
            vectors = np.empty((indptr[-1], self.dim), np.float32)
            for states in self._body.states(rows, max_length=side.longest, batch_size=batch_size, attended=attended):
                found = self._vectors(states, [kept[position] for position in states.batch])
                start = 0
                for position in states.batch:
                    first, last = indptr[position], indptr[position + 1]
                    vectors[first:last] = found[start : start + last - first]
                    start += last - first
                if progress:
                    progress(len(states.batch))
            yield indptr, vectors

    def _lot(self, side: TokenRows) -> int:
        return min(max(_NUMBERS // (side.longest * self.dim), _FEWEST), _MOST)

    @torch.inference_mode()
    def _vectors(self, states: States, kept: list[npt.NDArray[np.bool_]]) -> Vectors:
        """The vectors of the tokens that are kept, row after row: float32 [tokens, dim]."""
        chosen = np.zeros(states.present.shape, np.bool_)
        for line, keep in enumerate(kept):
            chosen[line, : len(keep)] = keep
        hidden = states.hidden[torch.from_numpy(chosen).to(states.hidden.device)]
        return self._body.check(normalize(self._projection(hidden), dim=1)).cpu().numpy()

    def _tokens(self, side: TokenRows, text: str) -> list[str]:
        if is_blank(text):
            return []
        [[row]] = tokenised(side.tokenizer, [text])
        row = side.row(row)
        return [self._names.get(token, f"[unused:{token}]") for token in row[side.kept(row)].tolist()]

    @cached_property
    def _names(self) -> dict[int, str]:
        return {id: token for token, id in self._documents.tokenizer.token_ids().items()}

"""A transformer without its head: from texts to hidden states, which dense and token vectors are made from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lsr.core.arguments import count, texts_of
from lsr.core.chunks import chunks
from lsr.core.documents import is_blank
from lsr.core.errors import ModelError
from lsr.encoding.shared.batches import batches_by_length
from lsr.encoding.shared.placement import autocast, choose_device, place, tokens_at_once
from lsr.encoding.shared.strict import load_strictly
from lsr.encoding.shared.threads import check_process, use_threads
from lsr.encoding.shared.tokens import TextTokenizer, characters, check_texts, pad

# How many texts, and characters of them, are tokenised and sorted by length together.
_CHUNK, _CHUNK_CHARACTERS = 1024, 1 << 23

TokenIds = npt.NDArray[np.int64]


class States(NamedTuple):
    """The output of one run of the model.

    Attributes:
        batch: the rows in this run, by their position among all.
        hidden: float32 [batch, width, dim], the last layer's.
        present: bool [batch, width]: where a row has a token; padding is on the right.
    """

    batch: list[int]
    hidden: Tensor
    present: Tensor


class TransformerBody:
    """A transformer's layers, loaded strictly. Safe to use from several threads.

    Attributes:
        name: for messages.
        dim: numbers of a hidden state.
        terms: how many tokens it knows.
        device: where it runs.
        dtype: what it computes in: "float32" or "bfloat16".
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        device: str | None = None,
        dtype: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.name = name
        use_threads(threads)
        choose_device(device)
        # The pooler of BERT and its relatives is not used for these vectors.
        self._model = model = load_strictly("AutoModel", folder, unused=r"(^|\.)pooler\.")
        if model.config.is_encoder_decoder:
            raise ModelError(f"{name} is an encoder-decoder, which lsr does not support")
        self.dim = int(model.config.hidden_size)
        self.terms = int(model.config.vocab_size)
        self._padding = max(0, int(getattr(model.config, "pad_token_id", None) or 0))  # -1: none, as LLaMA says
        self.device, self.dtype = place(model, device, dtype)

    def states(
        self, rows: Sequence[TokenIds], *, max_length: int, batch_size: int = 64, attended: Sequence[int] | None = None
    ) -> Iterator[States]:
        """Run the model over rows of token ids, longest first, so that little is padding.

        Args:
            rows: int64 [tokens] each, at most `max_length` long.
            batch_size: the most rows in one run; fewer where they are long. InputError if it is not positive.
            attended: how many of a row's first tokens take part in attention; all if not given.
        """
        batch_size = count(batch_size, "batch_size")
        lengths = [len(row) for row in rows]
        limits = {"max_length": max_length, "batch_size": batch_size, "tokens": tokens_at_once(self.device)}
        for batch, width in batches_by_length(lengths, **limits):
            tokens, present = pad([rows[position] for position in batch], self._padding, width)
            seen = present
            if attended is not None:
                seen = np.arange(width) < np.array([attended[position] for position in batch])[:, None]
            yield States(batch, self._run(tokens, seen), torch.from_numpy(present).to(self.device))

    def check(self, vectors: Tensor) -> Tensor:
        """Return the vectors; ModelError if they contain a number that is not finite."""
        if not bool(vectors.isfinite().all()):
            raise ModelError(f"{self.name} computes numbers that are not finite: try dtype='float32'")
        return vectors

    @torch.inference_mode()
    def _run(self, tokens: TokenIds, seen: npt.NDArray[np.bool_]) -> Tensor:
        check_process(self.device)
        arrays = {"input_ids": tokens, "attention_mask": seen.astype(np.int64)}
        with autocast(self.device, self.dtype):
            output = self._model(**{name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()})
        return output.last_hidden_state.float()


def noted(texts: Iterable[str], blank: deque[bool]) -> Iterator[str]:
    """The texts; of each, `blank` gets whether there is nothing in it."""
    for text in texts_of(texts):
        blank.append(isinstance(text, str) and is_blank(text))
        yield text


def tokenised(tokenizer: TextTokenizer, texts: Iterable[str], *, most: int = _CHUNK) -> Iterator[list[TokenIds]]:
    """The token ids of each text, in lists of at most `most` texts. InputError names a text that is not a string."""
    done = 0
    for chunk in chunks(texts_of(texts), most, _CHUNK_CHARACTERS, characters):
        check_texts(chunk, done)
        rows, _ = tokenizer.encode(chunk)
        done += len(chunk)
        yield rows

"""What is read and loaded wherever a step runs: small, and the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lsr.build.encoders import load_encoder
from lsr.core.documents import Document
from lsr.text.corpus import OnError, open_corpus
from lsr.text.reports import SkipReport

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.lexical.alone import WordsAlone
    from lsr.encoding.sparse.encoder import SparseEncoder

LoadEncoder = Callable[[], Any]
ReadCorpus = Callable[[SkipReport], Iterable[Document]]


@dataclass(frozen=True)
class ModelSource:
    """Where the encoder of documents comes from, on whatever machine.

    Attributes:
        model, max_length, window_overlap, device: as for `lsr.build.encoders.load_encoder`; the model must be found by
            this name wherever it is loaded.
    """

    model: str
    max_length: int | None = None
    window_overlap: int | None = None
    device: str | None = None

    def __call__(self) -> SparseEncoder | WordsAlone:
        """The encoder; loaded once in a process."""
        return _loaded(self)


@lru_cache(maxsize=1)
def _loaded(source: ModelSource) -> SparseEncoder | WordsAlone:
    how = {"max_length": source.max_length, "window_overlap": source.window_overlap, "device": source.device}
    return load_encoder(source.model, **how)  # type: ignore[arg-type]


@dataclass(frozen=True)
class DenseSource:
    """Where the encoder of dense vectors comes from, on whatever machine; `device` as for `DenseEncoder.load`."""

    model: str
    device: str | None = None

    def __call__(self) -> DenseEncoder:
        """The encoder."""
        from lsr.encoding.dense.encoder import DenseEncoder

        return DenseEncoder.load(self.model, device=self.device)


@dataclass(frozen=True)
class CorpusSource:
    """Where documents are read from; the arguments are those of `lsr.text.open_corpus`."""

    source: str
    format: str | None = None
    on_error: OnError = "stop"

    def __call__(self, skipped: SkipReport) -> Iterator[Document]:
        """The documents."""
        return open_corpus(self.source, format=self.format, on_error=self.on_error, skipped=skipped)

"""What `lsr index` and `lsr encode` share: a corpus to read, and an encoder for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lsr.cli.console import Interrupted, note
from lsr.cli.options import OnError
from lsr.core.documents import Document
from lsr.core.places import beside

if TYPE_CHECKING:
    from lsr.encoding.lexical.alone import WordsAlone
    from lsr.encoding.sparse.encoder import SparseEncoder

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EncodingJob:
    """A stream of documents, their number if it is known, and their encoder."""

    documents: Iterator[Document]
    total: int | None
    encoder: SparseEncoder | WordsAlone


@contextmanager
def skipping(on_error: OnError) -> Iterator[dict[str, Any]]:
    """Give the arguments that make a reader stop or skip at what is bad; afterwards list what was left out."""
    from lsr.text import SkipReport

    skipped = SkipReport()
    try:
        yield {"on_error": on_error.value, "skipped": skipped}
    finally:
        for line in skipped.lines():
            note(line)


@contextmanager
def resumable(out: Path, suffixes: Sequence[str] = (".encoding", ".dense")) -> Iterator[None]:
    """If the encoding for `out` is interrupted, or the disk is full, say what is kept beside it, by its suffix."""
    try:
        yield
    except (KeyboardInterrupt, OSError) as stop:
        kept = [path for suffix in suffixes if (path := beside(out, suffix.removeprefix("."))).is_dir()]
        if kept:
            message = f"{kept[-1]} keeps what was encoded; run the same command again to resume"
            if isinstance(stop, KeyboardInterrupt):
                raise Interrupted(f"interrupted: {message}") from None
            stop.add_note(message)
        raise


def looked_at(items: Iterator[T]) -> Iterator[T]:
    """The same items. The first is read at once, so that an input that is wrong is met before a model is loaded."""
    first = next(items)
    return chain([first], items)


@contextmanager
def encoding(
    corpus: str,
    out: Path,
    *,
    model: str,
    max_length: int | None,
    window_overlap: int | None,
    device: str | None,
    format: str | None,
    on_error: OnError,
) -> Iterator[EncodingJob]:
    """Give the encoding job of a corpus for `out`."""
    from lsr.build.encoders import load_encoder
    from lsr.text import count_documents, open_corpus

    with resumable(out), skipping(on_error) as skip:
        documents = looked_at(open_corpus(corpus, format=format, **skip))
        encoder = load_encoder(model, max_length=max_length, window_overlap=window_overlap, device=device)
        yield EncodingJob(documents, count_documents(corpus, format=format), encoder)

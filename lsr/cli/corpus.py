"""What `lsr index` and `lsr encode` share: a corpus to read, and an encoder for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.cli.console import Interrupted, note
from lsr.cli.options import OnError
from lsr.core.documents import Document
from lsr.core.places import beside

if TYPE_CHECKING:
    from lsr.encoding.sparse.encoder import SparseEncoder


@dataclass(frozen=True, slots=True)
class EncodingJob:
    """A stream of documents, how many they are where that is known, and their encoder."""

    documents: Iterator[Document]
    total: int | None
    encoder: SparseEncoder


@contextmanager
def skipping(on_error: OnError) -> Iterator[dict[str, Any]]:
    """Give the arguments that make a reader stop or skip at a bad line; afterwards list what was skipped."""
    from lsr.text import SkipReport

    skipped = SkipReport()
    try:
        yield {"on_error": on_error.value, "skipped": skipped}
    finally:
        if skipped.count:
            note(f"skipped {skipped.count:,}:")
            for message in skipped.messages:
                note(f"  {message}")
            if skipped.count > len(skipped.messages):
                note(f"  and {skipped.count - len(skipped.messages):,} more")


@contextmanager
def resumable(out: Path, suffixes: Sequence[str] = (".encoding", ".dense")) -> Iterator[None]:
    """When the encoding for `out` is interrupted, or the disk is full, say what is kept beside it, by its suffix."""
    try:
        yield
    except (KeyboardInterrupt, OSError) as stop:
        kept = [path for suffix in suffixes if (path := beside(out, suffix.removeprefix("."))).is_dir()]
        if kept:
            message = f"{kept[-1]} keeps what was encoded; the same command goes on"
            if isinstance(stop, KeyboardInterrupt):
                raise Interrupted(f"interrupted: {message}") from None
            stop.add_note(message)
        raise


@contextmanager
def encoding(
    corpus: str,
    out: Path,
    *,
    model: str,
    max_length: int,
    window_overlap: int | None,
    device: str | None,
    format: str | None,
    on_error: OnError,
) -> Iterator[EncodingJob]:
    """Give the job of encoding a corpus for `out`."""
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.text import count_documents, open_corpus

    with resumable(out), skipping(on_error) as skip:
        documents = open_corpus(corpus, format=format, **skip)
        encoder = SparseEncoder.load(model, max_length=max_length, window_overlap=window_overlap, device=device)
        yield EncodingJob(documents, count_documents(corpus, format=format), encoder)

"""An encoder whose process dies, once, and a job whose process is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sharded_toys import HashingEncoder, made_documents

from lsr import Document, SparseVectors

DOCUMENTS = 5000


@dataclass(frozen=True)
class Corpus:
    """The same documents wherever they are read; with `twice`, one of them comes again at the end."""

    count: int = DOCUMENTS
    twice: bool = False

    def __call__(self, report: Any) -> Iterator[Document]:
        documents = made_documents(1, self.count)
        yield from documents
        if self.twice:
            yield documents[0]


@dataclass(frozen=True)
class Dying:
    """Gives an encoder whose process dies at the first document, and when a shard is built, once each."""

    folder: Path

    def __call__(self) -> HashingEncoder:
        return _Encoder(self.folder)


class _Encoder(HashingEncoder):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    @property  # type: ignore[override]
    def vocabulary(self) -> Any:
        # Only who builds a shard asks for it.
        self._die("build")
        return HashingEncoder.vocabulary

    def encode_documents(self, texts: Any, ids: Any, **options: Any) -> SparseVectors:
        self._die("encode")
        return super().encode_documents(texts, ids, **options)

    def _die(self, at: str) -> None:
        try:
            (self._folder / f"died-{at}").mkdir()
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def main(address: str, path: str) -> None:
    """Make the collection: a process of its own, to be killed."""
    from lsr.build.distribute.job import index_distributed

    index_distributed(Corpus(), path, HashingEncoder, shards=3, address=address)


if __name__ == "__main__":
    main(*sys.argv[1:])

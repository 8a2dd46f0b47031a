"""From text to an index: read, encode, build.

`lsr.index` is imported inside the functions: it lies above this package, and reading or encoding should not load it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.documents import Document
from lsr.errors import InputError
from lsr.files import check_output
from lsr.shards import EncodedShards
from lsr.vectors import SparseVectors

if TYPE_CHECKING:
    from lsr.encoder import SparseEncoder
    from lsr.index import Index, IndexSettings

Progress = Callable[[int], None]


def index_corpus(
    corpus: Iterable[Document],
    path: str | Path,
    encoder: SparseEncoder,
    *,
    top_k: int | None = None,
    settings: IndexSettings | None = None,
    force: bool = False,
    restart: bool = False,
    progress: Progress | None = None,
    build_progress: Progress | None = None,
) -> Index:
    """Encode a corpus and index it at `path`.

    The encoding is kept in `PATH.encoding/` until the index is published: after an interruption the same call goes on where
    it stopped. `restart` begins again, `force` replaces an index that is there, `top_k` keeps each document's heaviest terms.
    `progress` counts documents encoded, `build_progress` documents indexed.

    Raises OutputExistsError, InputError (an empty corpus, a duplicate id, a corpus that changed since the interruption).
    """
    from lsr.index import IndexBuilder, IndexSettings

    record = _encoder_record(encoder, top_k)
    check_output(path, force=force)
    with (
        _shards(path, record, restart) as shards,
        IndexBuilder(
            path,
            dim=encoder.dim,
            vocabulary=encoder.vocabulary,
            encoder=record,
            settings=settings or IndexSettings(),
            force=force,
        ) as builder,
    ):
        shards.encode(corpus, encoder, top_k=top_k, progress=progress)
        for vectors, documents in shards.read(encoder.dim):
            builder.add(vectors, documents)
        return builder.finish(progress=build_progress)


def index_vectors(
    batches: Iterable[SparseVectors],
    path: str | Path,
    *,
    dim: int,
    documents: Iterable[Document] | None = None,
    model: dict[str, Any] | None = None,
    vocabulary: Any = None,
    settings: IndexSettings | None = None,
    force: bool = False,
    progress: Progress | None = None,
    build_progress: Progress | None = None,
) -> Index:
    """Index vectors that were made before; `documents`, in the same order, give the hits their texts.

    Raises InputError where ids of vectors and documents disagree.
    """
    from lsr.index import IndexBuilder, IndexSettings

    stream = iter(documents) if documents is not None else None
    with IndexBuilder(
        path, dim=dim, vocabulary=vocabulary, encoder=model, settings=settings or IndexSettings(), force=force
    ) as builder:
        for vectors in batches:
            builder.add(vectors, _matching(vectors, stream) if stream is not None else None)
            if progress:
                progress(len(vectors))
        if stream is not None and (extra := next(stream, None)) is not None:
            raise InputError(f"the corpus has more documents than there are vectors, from id {extra.id!r} on")
        return builder.finish(progress=build_progress)


def encode_corpus(
    corpus: Iterable[Document],
    path: str | Path,
    encoder: SparseEncoder,
    *,
    top_k: int | None = None,
    force: bool = False,
    restart: bool = False,
    progress: Progress | None = None,
) -> int:
    """Encode a corpus into a vector file (.parquet, .jsonl, .jsonl.gz, .jsonl.zst); return the number of documents.

    Interruptions are taken up again as in `index_corpus`.
    """
    from lsr.vector_files import write_vectors

    check_output(path, force=force)
    with _shards(path, _encoder_record(encoder, top_k), restart) as shards:
        shards.encode(corpus, encoder, top_k=top_k, progress=progress)
        batches = (vectors for vectors, _ in shards.read(encoder.dim))
        return write_vectors(path, batches, vocabulary=encoder.vocabulary, force=force)


@contextmanager
def _shards(path: str | Path, record: dict[str, Any], restart: bool) -> Iterator[EncodedShards]:
    path = Path(path)
    shards = EncodedShards(path.with_name(path.name + ".encoding"), record, restart=restart)
    finished = False
    try:
        yield shards
        finished = True
    finally:
        # Nothing worth going on from is nothing worth leaving behind.
        shards.close(remove=finished or not shards.paths)


def _encoder_record(encoder: SparseEncoder, top_k: int | None) -> dict[str, Any]:
    return {**encoder.settings(), "top_k": top_k}


def _matching(vectors: SparseVectors, stream: Iterator[Document]) -> list[Document]:
    documents = []
    for row, id in enumerate(vectors.ids):
        document = next(stream, None)
        if document is None or document.id != id:
            found = "the corpus has ended" if document is None else f"the corpus has {document.id!r}"
            raise InputError(f"vectors and corpus disagree: vector {row} of this batch is for {id!r}, where {found}")
        documents.append(document)
    return documents

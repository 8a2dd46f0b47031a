"""The vectors of a benchmark: documents as a Parquet file that every engine can read, queries in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.text.lines import content_suffix
from lsr.vectors.files import iter_vectors, read_vectors, read_vocabulary, write_vectors
from lsr.vectors.sparse import SparseVectors


@dataclass(frozen=True, slots=True)
class BenchVectors:
    """Documents and queries of one vocabulary.

    Attributes:
        documents: a Parquet file of vectors; read it with `batches`.
        queries: the queries.
        count: number of documents.
        pairs: number of (term, weight) pairs in all documents.
    """

    documents: Path
    queries: SparseVectors
    count: int
    pairs: int

    @property
    def dim(self) -> int:
        """Number of terms in the vocabulary."""
        return self.queries.dim

    def batches(self) -> Iterator[SparseVectors]:
        """The documents, batch by batch."""
        return iter_vectors(self.documents, dim=self.dim)


def open_vectors(
    documents: Path,
    queries: Path,
    folder: Path,
    *,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> BenchVectors:
    """Check both files completely, and map them to one vocabulary.

    Documents that are not in Parquet are written to `folder` as Parquet. `limit` keeps the first so many queries.
    `progress` is called with the number of documents just read.

    Raises InputError for a file that `iter_vectors` refuses, for files of different vocabularies, and for one without
    rows.
    """
    vocabulary = _shared_vocabulary(documents, queries)
    dim = None if vocabulary is not None else _shared_dim(documents, queries)
    asked = read_vectors(queries, vocabulary=vocabulary, dim=dim)[:limit]
    if not len(asked):
        raise InputError("no queries", source=str(queries))
    count = pairs = 0

    def counted() -> Iterator[SparseVectors]:
        nonlocal count, pairs
        for batch in iter_vectors(documents, vocabulary=vocabulary, dim=dim):
            count += len(batch)
            pairs += batch.nnz
            yield batch
            if progress is not None:
                progress(len(batch))

    parquet = documents
    if content_suffix(documents) == ".parquet":
        for _ in counted():
            pass
    else:
        parquet = folder / "documents.parquet"
        write_vectors(parquet, counted())
    if not count:
        raise InputError("no documents", source=str(documents))
    return BenchVectors(parquet, asked, count, pairs)


def below(vectors: SparseVectors, dim: int) -> SparseVectors:
    """The vectors without the terms from `dim` on."""
    kept = vectors.indices < dim
    indptr = np.concatenate([[0], np.cumsum(kept)])[vectors.indptr]
    return SparseVectors(indptr, vectors.indices[kept], vectors.weights[kept], vectors.ids, vectors.dim, validate=False)


def _shared_vocabulary(documents: Path, queries: Path) -> Vocabulary | None:
    """The terms of both files, if they hold terms and not term ids."""
    of_documents, of_queries = read_vocabulary(documents), read_vocabulary(queries)
    if of_documents is None and of_queries is None:
        return None
    if of_documents is None or of_queries is None:
        names, ids = (documents, queries) if of_queries is None else (queries, documents)
        raise InputError(
            f"has terms by name, but {ids} has them by id, so they cannot be matched; give both as Parquet, or neither",
            source=str(names),
        )
    return Vocabulary(sorted({*of_documents, *of_queries}))


def _shared_dim(documents: Path, queries: Path) -> int:
    """The size of the vocabulary that fits both files; a file that records another is refused when it is read."""
    return max(next(iter_vectors(path, batch_rows=1)).dim for path in (documents, queries))

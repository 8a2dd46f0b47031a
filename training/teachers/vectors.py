"""Vectors of texts, each encoded once: in memory for a batch, on disk for a set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from lsr.core.chunks import chunks
from lsr.core.types import Scores
from lsr.encoding.shared.spread import Progress, Work, worked
from lsr.vectors.sparse import SparseVectors

Dense = npt.NDArray[np.float32]

# Texts, and their characters, in memory at once while they are encoded.
_CHUNK, _CHUNK_CHARACTERS = 1024, 1 << 23


class BiEncoder(Protocol):
    """A `SparseEncoder`, a `Bm25Encoder` or a `DenseEncoder`."""

    name: str
    dim: int

    @property
    def encode_documents(self) -> Callable[..., SparseVectors | Dense]: ...

    @property
    def encode_queries(self) -> Callable[..., SparseVectors | Dense]: ...


class Table(ABC):
    """Vectors of `dim` numbers by row."""

    dim: int

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def products(self, rows: npt.NDArray[np.integer], queries: Self, query: int) -> Scores:
        """Inner products of these rows with one row of `queries`: float32 [rows]."""


class SparseTable(Table):
    """Sparse vectors by row.

    Attributes:
        indptr: int64 [rows + 1]; terms: uint32 [pairs]; weights: float32 [pairs]; dim: the number of terms.
    """

    def __init__(
        self,
        indptr: npt.NDArray[np.int64],
        terms: npt.NDArray[np.uint32],
        weights: npt.NDArray[np.float32],
        dim: int,
    ) -> None:
        self.indptr, self.terms, self.weights, self.dim = indptr, terms, weights, dim

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def products(self, rows: npt.NDArray[np.integer], queries: Self, query: int) -> Scores:
        weights = np.zeros(self.dim, np.float32)
        pairs = slice(queries.indptr[query], queries.indptr[query + 1])
        weights[queries.terms[pairs]] = queries.weights[pairs]
        scores = np.empty(len(rows), np.float32)
        for i, (start, end) in enumerate(zip(self.indptr[rows].tolist(), self.indptr[rows + 1].tolist(), strict=True)):
            scores[i] = weights[self.terms[start:end]] @ self.weights[start:end]
        return scores

    def parts(self, rows: int) -> Iterator[SparseVectors]:
        """All vectors, in chunks of so many rows; ids are the row numbers."""
        for first in range(0, len(self), rows):
            last = min(first + rows, len(self))
            start, end = self.indptr[first], self.indptr[last]
            yield SparseVectors(
                self.indptr[first : last + 1] - start,
                self.terms[start:end],
                self.weights[start:end],
                [str(row) for row in range(first, last)],
                self.dim,
                validate=False,
            )


class DenseTable(Table):
    """Dense vectors by row: float32 [rows, dim]."""

    def __init__(self, vectors: Dense) -> None:
        self.vectors = vectors
        self.dim = vectors.shape[1]

    def __len__(self) -> int:
        return len(self.vectors)

    def products(self, rows: npt.NDArray[np.integer], queries: Self, query: int) -> Scores:
        return self.vectors[rows] @ queries.vectors[query]


def encode_documents(encoder: BiEncoder, texts: list[str], /, progress: Progress = None) -> Table:
    """Encode texts as documents, to a table in memory; vectors that are compared by cosine get length one."""
    return _to_table(encoder, encoder.encode_documents(texts, progress=progress))


def encode_queries(encoder: BiEncoder, texts: list[str], /, progress: Progress = None) -> Table:
    """Encode texts as queries, to a table in memory; vectors that are compared by cosine get length one."""
    return _to_table(encoder, encoder.encode_queries(texts, progress=progress))


def encode_to_disk(
    encoder: BiEncoder, encode: Work, texts: Iterable[str], folder: Path, progress: Progress = None
) -> Table:
    """Encode texts about a thousand at a time into files in a new `folder`; the table is memory-mapped.

    `encode` is `encode_documents` or `encode_queries`.
    """
    folder.mkdir(parents=True)
    writer: _SparseFiles | _DenseFile | None = None
    for _, part in worked(encoder, encode, chunks(texts, _CHUNK, _CHUNK_CHARACTERS, len), progress):
        if writer is None:
            writer = _SparseFiles(folder, part.dim) if isinstance(part, SparseTable) else _DenseFile(folder, part.dim)
        writer.add(part)
    return writer.finish() if writer is not None else encode(encoder, [])


def _to_table(encoder: BiEncoder, vectors: SparseVectors | Dense) -> Table:
    if isinstance(vectors, SparseVectors):
        return SparseTable(vectors.indptr, vectors.indices, vectors.weights, vectors.dim)
    if getattr(encoder, "similarity", "dot") == "cosine":
        return DenseTable(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
    return DenseTable(vectors)


class _SparseFiles:
    def __init__(self, folder: Path, dim: int) -> None:
        self._dim = dim
        self._lengths: list[npt.NDArray[np.int64]] = []
        self._terms, self._weights = folder / "terms.uint32", folder / "weights.float32"

    def add(self, part: Any) -> None:
        self._lengths.append(np.diff(part.indptr))
        _append(self._terms, part.terms)
        _append(self._weights, part.weights)

    def finish(self) -> SparseTable:
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(self._lengths))])
        shape = (int(indptr[-1]),)
        return SparseTable(
            indptr, _map(self._terms, np.uint32, shape), _map(self._weights, np.float32, shape), self._dim
        )


class _DenseFile:
    def __init__(self, folder: Path, dim: int) -> None:
        self._dim = dim
        self._rows = 0
        self._vectors = folder / "vectors.float32"

    def add(self, part: Any) -> None:
        self._rows += len(part)
        _append(self._vectors, part.vectors)

    def finish(self) -> DenseTable:
        return DenseTable(_map(self._vectors, np.float32, (self._rows, self._dim)))


def _append(path: Path, values: npt.NDArray[Any]) -> None:
    with path.open("ab") as file:
        file.write(np.ascontiguousarray(values).data)


def _map(path: Path, dtype: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Map a file as a plain array: slicing numpy's memmap objects costs several times as much."""
    if 0 in shape:  # an empty file cannot be mapped
        return np.empty(shape, dtype)
    return np.asarray(np.memmap(path, dtype, "r", shape=shape))

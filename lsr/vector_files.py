"""Sparse vectors on disk: Parquet, the interchange, and JSON lines, which people and Anserini's tools read.

The name tells the format: .parquet, or .jsonl, .jsonl.gz, .jsonl.zst. Files are read and written in batches, so memory
does not grow with them but for a hash of each id (at most 21 bytes), by which an id that comes twice is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from lsr.errors import InputError
from lsr.text.lines import content_suffix
from lsr.vector_jsonl import read_jsonl, read_vocabulary, write_jsonl
from lsr.vector_parquet import ParquetVectorWriter, read_parquet, recorded_dim, scan_dim
from lsr.vectors import SparseVectors
from lsr.vocabulary import Vocabulary

__all__ = ["ParquetVectorWriter", "iter_vectors", "read_vectors", "read_vocabulary", "write_vectors"]

BATCH_ROWS = 8192


def iter_vectors(
    path: str | Path,
    *,
    vocabulary: Vocabulary | None = None,
    dim: int | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[SparseVectors]:
    """Stream the vectors of a file in batches of at most `batch_rows` rows, all with the same `dim`.

    Parquet (columns `id`, `indices`, `values`): `dim` and `vocabulary` must agree with the size that the file records;
    for a file that records none, and if neither is given, it is the largest term id plus one.

    JSON lines (`{"id": …, "vector": {term: weight}}`; other fields are passed over): terms are looked up in
    `vocabulary`, and one that is not there is an error. Without a vocabulary the file is read twice, first by
    `read_vocabulary`; call that yourself to know which id is which term.

    Weights of 0, which rounding leaves behind, are dropped. A file without rows gives one empty batch.

    Raises:
        InputError: at once if the file is missing, not of these formats or of another vocabulary; later, naming row
            or line, for a vector that breaks a rule of `SparseVectors`.
    """
    path = Path(path)
    suffix = _suffix(path)
    if not path.is_file():
        raise InputError("no such file", source=str(path))
    if batch_rows < 1:
        raise InputError(f"batch_rows must be at least 1, not {batch_rows}")
    if suffix == ".jsonl":
        vocabulary = read_vocabulary(path) if vocabulary is None else vocabulary
        _same_size(path, dim, len(vocabulary))
        return read_jsonl(path, vocabulary, batch_rows)
    size = _same_size(path, recorded_dim(path), dim, None if vocabulary is None else len(vocabulary))
    return read_parquet(path, scan_dim(path) if size is None else size, batch_rows)


def read_vectors(path: str | Path, *, vocabulary: Vocabulary | None = None, dim: int | None = None) -> SparseVectors:
    """All vectors of a file at once; see `iter_vectors`."""
    parts = list(iter_vectors(path, vocabulary=vocabulary, dim=dim))
    return SparseVectors.concatenate(parts)


def write_vectors(
    path: str | Path,
    batches: Iterable[SparseVectors],
    *,
    vocabulary: Vocabulary | None = None,
    force: bool = False,
) -> int:
    """Write the batches to one file, which appears whole or not at all; returns the number of rows.

    JSON lines need the `vocabulary`. Weights are written so that reading gives the same float32.

    Raises:
        OutputExistsError: the file exists and `force` is not set.
        InputError: no batch, batches of different vocabularies, or an id that comes twice.
    """
    path = Path(path)
    suffix = _suffix(path)
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise InputError("no vectors to write", source=str(path))
    _same_size(path, first.dim, None if vocabulary is None else len(vocabulary))
    if suffix == ".parquet":
        with ParquetVectorWriter(path, first.dim, force=force) as writer:
            for batch in chain([first], batches):
                writer.write(batch)
        return writer.rows
    if vocabulary is None:
        raise InputError("JSON lines hold terms, not term ids: give the vocabulary", source=str(path))
    return write_jsonl(path, chain([first], batches), vocabulary, force=force)


def _suffix(path: Path) -> str:
    suffix = content_suffix(path)
    if suffix not in (".parquet", ".jsonl") or (suffix == ".parquet" and path.suffix.lower() != suffix):
        raise InputError("vector files are named .parquet, .jsonl, .jsonl.gz or .jsonl.zst", source=str(path))
    return suffix


def _same_size(path: Path, *sizes: int | None) -> int | None:
    known = sorted({size for size in sizes if size is not None})
    if len(known) > 1:
        raise InputError(f"vocabularies of different sizes: {known[0]:,} and {known[1]:,} terms", source=str(path))
    return known[0] if known else None

"""Sparse vectors on disk, in Parquet, JSON lines or CIFF.

Parquet is for interchange; people and Anserini's tools read JSON lines; PISA, BMP, Terrier and other engines read CIFF.
The name gives the format: .parquet, .jsonl or .ciff, the last two also with .gz or .zst. Files are read and written in
batches, so memory does not grow with them except for a hash of each id (at most 21 bytes), to find duplicates, and for
CIFF about another 30 bytes per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lsr.core.vocabulary import Vocabulary
from lsr.vectors import formats
from lsr.vectors.formats import BATCH_ROWS, FORMATS, file_format
from lsr.vectors.parquet import ParquetVectorWriter
from lsr.vectors.sparse import SparseVectors

__all__ = [
    "FORMATS",
    "ParquetVectorWriter",
    "file_format",
    "iter_vectors",
    "read_vectors",
    "read_vocabulary",
    "recorded_scale",
    "write_vectors",
]


def iter_vectors(
    path: str | Path,
    *,
    vocabulary: Vocabulary | None = None,
    dim: int | None = None,
    batch_rows: int = BATCH_ROWS,
    scale: float | None = None,
) -> Iterator[SparseVectors]:
    """Stream the vectors of a file in batches of at most `batch_rows` rows, all with the same `dim`.

    Parquet (columns `id`, `indices`, `values`): `dim` and `vocabulary` must agree with the size that the file records.
    If the file records none and neither is given, `dim` is the largest term id plus one.

    JSON lines (`{"id": …, "vector": {term: weight}}`; other fields are ignored) and CIFF: terms are looked up in
    `vocabulary`, and one that is not there is an error. If not given, it is what `read_vocabulary` returns; call that
    yourself to know which id is which term.

    CIFF: a weight is the integer in place of the term frequency divided by `scale`, which `write_vectors` records in
    the file. For a file made by another program it is 1 unless given: 100 undoes what the SPLADE code and Anserini do.

    Weights of 0, which rounding leaves behind, are dropped, except that CIFF must not contain any. A file without rows
    gives one empty batch.

    Raises:
        InputError: at once if the file is missing, not in one of these formats or has another vocabulary; later, naming
            row or line, for a vector that breaks a rule of `SparseVectors`.
    """
    return formats.read(path, vocabulary=vocabulary, dim=dim, batch_rows=batch_rows, scale=scale)


def read_vocabulary(path: str | Path) -> Vocabulary | None:
    """The terms of the file's vectors, sorted; None for Parquet, which stores term ids.

    JSON lines have to be read whole for this, CIFF only in small part.
    """
    return formats.open_format(Path(path)).vocabulary(Path(path))


def recorded_scale(path: str | Path) -> float | None:
    """The ratio of a CIFF file's integers to the weights: 1 if another program made it. None for other formats."""
    return formats.open_format(Path(path)).scale(Path(path))


def read_vectors(
    path: str | Path, *, vocabulary: Vocabulary | None = None, dim: int | None = None, scale: float | None = None
) -> SparseVectors:
    """All vectors of a file at once; see `iter_vectors`."""
    return SparseVectors.concatenate(list(iter_vectors(path, vocabulary=vocabulary, dim=dim, scale=scale)))


def write_vectors(
    path: str | Path,
    batches: Iterable[SparseVectors],
    *,
    vocabulary: Vocabulary | None = None,
    force: bool = False,
    scale: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write the batches to one file, which appears whole or not at all, and return the number of rows.

    JSON lines and CIFF need the `vocabulary`. Weights are written so that reading gives the same float32, except in
    CIFF, which stores integers: `scale` times the weight, at least 1; by default the heaviest weight becomes 255. See
    `lsr.vectors.ciff.write_ciff`. `progress` is called with the number of rows just written.

    Raises:
        OutputExistsError: the file exists and `force` is not set.
        InputError: no batch, batches with different vocabularies, a duplicate id, or a scale for a format without one.
    """
    return formats.write(path, batches, vocabulary=vocabulary, force=force, scale=scale, progress=progress)

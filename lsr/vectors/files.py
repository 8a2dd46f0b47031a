"""Sparse vectors on disk: Parquet, the interchange; JSON lines, which people and Anserini's tools read; and CIFF, which
PISA, BMP, Terrier and other engines read.

The name tells the format: .parquet, .jsonl or .ciff, the last two also with .gz or .zst. Files are read and written in
batches, so memory does not grow with them but for a hash of each id (at most 21 bytes), by which an id that comes twice
is found, and for CIFF another 30 bytes or so a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.text.lines import content_suffix
from lsr.vectors import jsonl as vector_jsonl
from lsr.vectors.parquet import ParquetVectorWriter, read_parquet, recorded_dim, scan_dim
from lsr.vectors.sparse import SparseVectors

__all__ = [
    "ParquetVectorWriter",
    "file_format",
    "iter_vectors",
    "read_vectors",
    "read_vocabulary",
    "recorded_scale",
    "write_vectors",
]

BATCH_ROWS = 8192

_COMPRESSIBLE = (".jsonl", ".ciff")
FORMATS = (".parquet", *_COMPRESSIBLE)
"""What `file_format` tells apart."""


def file_format(path: Path, scale: float | None = None) -> str:
    """.parquet, .jsonl or .ciff, by the file's name; InputError for another, and for a `scale` where it is not CIFF."""
    suffix = content_suffix(path)
    if suffix not in _COMPRESSIBLE and path.suffix.lower() != ".parquet":
        names = ".parquet, .jsonl or .ciff, the last two also with .gz or .zst"
        raise InputError(f"vector files are named {names}", source=str(path))
    if scale is not None:
        if suffix != ".ciff":
            raise InputError(f"a scale is for CIFF, which holds integers; {suffix} holds the weights", source=str(path))
        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"the scale must be a positive number, not {scale}", source=str(path))
    return suffix


def iter_vectors(
    path: str | Path,
    *,
    vocabulary: Vocabulary | None = None,
    dim: int | None = None,
    batch_rows: int = BATCH_ROWS,
    scale: float | None = None,
) -> Iterator[SparseVectors]:
    """Stream the vectors of a file in batches of at most `batch_rows` rows, all with the same `dim`.

    Parquet (columns `id`, `indices`, `values`): `dim` and `vocabulary` must agree with the size that the file records;
    for a file that records none, and if neither is given, it is the largest term id plus one.

    JSON lines (`{"id": …, "vector": {term: weight}}`; other fields are passed over) and CIFF: terms are looked up in
    `vocabulary`, and one that is not there is an error. Without a vocabulary it is what `read_vocabulary` gives; call
    that yourself to know which id is which term.

    CIFF: a weight is the integer in the place of the term frequency over `scale`, which a file that `write_vectors`
    made records. In one made by another program it is 1 unless given: 100 undoes what the SPLADE code and Anserini do.

    Weights of 0, which rounding leaves behind, are dropped, except that CIFF must have none. A file without rows gives
    one empty batch.

    Raises:
        InputError: at once if the file is missing, not of these formats or of another vocabulary; later, naming row
            or line, for a vector that breaks a rule of `SparseVectors`.
    """
    path = Path(path)
    suffix = file_format(path, scale)
    _check_exists(path)
    if batch_rows < 1:
        raise InputError(f"batch_rows must be at least 1, not {batch_rows}")
    if suffix == ".parquet":
        size = _same_size(path, recorded_dim(path), dim, None if vocabulary is None else len(vocabulary))
        return read_parquet(path, scan_dim(path) if size is None else size, batch_rows)
    if suffix == ".ciff":
        from lsr.vectors.ciff import CiffReader

        reader = CiffReader(path)
        vocabulary = reader.vocabulary() if vocabulary is None else vocabulary
        _same_size(path, dim, len(vocabulary))
        return reader.batches(vocabulary, batch_rows, scale)
    vocabulary = vector_jsonl.read_vocabulary(path) if vocabulary is None else vocabulary
    _same_size(path, dim, len(vocabulary))
    return vector_jsonl.read_jsonl(path, vocabulary, batch_rows)


def read_vocabulary(path: str | Path) -> Vocabulary | None:
    """The terms of the file's vectors, sorted; None for Parquet, which holds term ids.

    JSON lines are read whole for it, CIFF hardly.
    """
    path = Path(path)
    suffix = file_format(path)
    _check_exists(path)
    if suffix == ".parquet":
        return None
    if suffix == ".ciff":
        from lsr.vectors.ciff import CiffReader

        return CiffReader(path).vocabulary()
    return vector_jsonl.read_vocabulary(path)


def recorded_scale(path: str | Path) -> float | None:
    """What a CIFF file's integers are over the weights: 1 in one that another program made. None for other formats."""
    path = Path(path)
    suffix = file_format(path)
    _check_exists(path)
    if suffix != ".ciff":
        return None
    from lsr.vectors.ciff import CiffReader

    return CiffReader(path).header.scale or 1.0


def read_vectors(
    path: str | Path, *, vocabulary: Vocabulary | None = None, dim: int | None = None, scale: float | None = None
) -> SparseVectors:
    """All vectors of a file at once; see `iter_vectors`."""
    parts = list(iter_vectors(path, vocabulary=vocabulary, dim=dim, scale=scale))
    return SparseVectors.concatenate(parts)


def write_vectors(
    path: str | Path,
    batches: Iterable[SparseVectors],
    *,
    vocabulary: Vocabulary | None = None,
    force: bool = False,
    scale: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write the batches to one file, which appears whole or not at all; returns the number of rows.

    JSON lines and CIFF need the `vocabulary`. Weights are written so that reading gives the same float32, but for CIFF,
    which holds integers: `scale` times the weight, at least 1; by default the heaviest weight becomes 255. See
    `lsr.vectors.ciff.write_ciff`. `progress` is called with the number of rows just written.

    Raises:
        OutputExistsError: the file exists and `force` is not set.
        InputError: no batch, batches of different vocabularies, an id that comes twice, or a scale where none belongs.
    """
    path = Path(path)
    suffix = file_format(path, scale)
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise InputError("no vectors to write", source=str(path))
    _same_size(path, first.dim, None if vocabulary is None else len(vocabulary))
    batches = chain([first], batches)
    if suffix == ".ciff":
        from lsr.vectors.ciff import write_ciff

        vocabulary = _needed(vocabulary, "CIFF holds", path)
        return write_ciff(path, batches, vocabulary, scale=scale, force=force, progress=progress)
    if suffix == ".jsonl":
        vocabulary = _needed(vocabulary, "JSON lines hold", path)
        return vector_jsonl.write_jsonl(path, _reported(batches, progress), vocabulary, force=force)
    with ParquetVectorWriter(path, first.dim, force=force) as writer:
        for batch in _reported(batches, progress):
            writer.write(batch)
    return writer.rows


def _reported(batches: Iterable[SparseVectors], progress: Callable[[int], None] | None) -> Iterator[SparseVectors]:
    """The batches, each reported once the next is asked for."""
    for batch in batches:
        yield batch
        if progress is not None:
            progress(len(batch))


def _needed(vocabulary: Vocabulary | None, holder: str, path: Path) -> Vocabulary:
    if vocabulary is None:
        raise InputError(f"{holder} terms, not term ids: give the vocabulary", source=str(path))
    return vocabulary


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise InputError("no such file", source=str(path))


def _same_size(path: Path, *sizes: int | None) -> int | None:
    known = sorted({size for size in sizes if size is not None})
    if len(known) > 1:
        raise InputError(f"vocabularies of different sizes: {known[0]:,} and {known[1]:,} terms", source=str(path))
    return known[0] if known else None

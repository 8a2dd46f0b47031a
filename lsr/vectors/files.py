"""Sparse vectors on disk: Parquet, the interchange; JSON lines, which people and Anserini's tools read; CIFF, which
PISA, BMP, Terrier and other engines read; SciPy's .npz; and CSV.

The name tells the format: .parquet, .jsonl, .npz, .csv or .ciff, text and CIFF also with .gz or .zst. Files are
read and written in batches, so memory does not grow with them but for a hash of each id (at most 21 bytes), by which an
id that comes twice is found, and for CIFF another 30 bytes or so a row.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lsr.core.annotated import as_annotated
from lsr.core.errors import LsrError
from lsr.core.parquet_layout import read_layout
from lsr.core.vocabulary import Vocabulary
from lsr.text.lines import content_suffix, read_lines, stop
from lsr.vectors import formats
from lsr.vectors.csv_rows import layout_of
from lsr.vectors.formats import BATCH_ROWS, FORMATS, check_written, file_format
from lsr.vectors.jsonl_numbers import lists_of
from lsr.vectors.parquet import ParquetVectorWriter
from lsr.vectors.sparse import SparseVectors

__all__ = [
    "FORMATS",
    "ParquetVectorWriter",
    "check_written",
    "file_format",
    "holds_vectors",
    "iter_vectors",
    "read_vectors",
    "read_vocabulary",
    "recorded_scale",
    "write_vectors",
]


@as_annotated
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

    SciPy's .npz (a CSR matrix, and an array `ids` unless rows are called by their numbers), CSV (`id,index,weight` or
    `id,indices,values`) and JSON lines of term ids (`{"id": …, "indices": […], "values": […]}`): the size is `dim` or
    that of `vocabulary`, or else the matrix's number of columns, or the largest term id plus one.

    JSON lines (`{"id": …, "vector": {term: weight}}`; other fields are passed over), CSV (`id,term,weight`) and CIFF:
    terms are looked up in `vocabulary`, and one that is not there is an error. Without a vocabulary it is what
    `read_vocabulary` gives; call that yourself to know which id is which term.

    CIFF: a weight is the integer in place of the term frequency divided by `scale`, which `write_vectors` records in
    the file. For a file made by another program it is 1 unless given: 100 undoes what the SPLADE code and Anserini do.

    Weights of 0, which rounding leaves behind, are dropped, except that CIFF must not contain any. A file without rows
    gives one empty batch.

    Raises:
        InputError: at once if the file is missing, not in one of these formats or has another vocabulary; later, naming
            row or line, for a vector that breaks a rule of `SparseVectors`.
    """
    return formats.read(path, vocabulary=vocabulary, dim=dim, batch_rows=batch_rows, scale=scale)


@as_annotated
def read_vocabulary(path: str | Path) -> Vocabulary | None:
    """The terms of the file's vectors, sorted; None for a file that holds term ids, as Parquet.

    JSON lines and CSV are read whole for it, CIFF hardly.
    """
    return formats.open_format(Path(path)).vocabulary(Path(path))


@as_annotated
def recorded_scale(path: str | Path) -> float | None:
    """The ratio of a CIFF file's integers to the weights: 1 if another program made it. None for other formats."""
    return formats.open_format(Path(path)).scale(Path(path))


@as_annotated
def read_vectors(
    path: str | Path, *, vocabulary: Vocabulary | None = None, dim: int | None = None, scale: float | None = None
) -> SparseVectors:
    """All vectors of a file at once; see `iter_vectors`."""
    return SparseVectors.concatenate(list(iter_vectors(path, vocabulary=vocabulary, dim=dim, scale=scale)))


@as_annotated
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


@as_annotated
def holds_vectors(source: str | Path) -> bool:
    """Whether `source` is a file of vectors: by its name, its columns, or the fields of its first line.

    False for what holds texts, for a folder, and for what is not there.
    """
    path = Path(source)
    try:
        if content_suffix(path) not in FORMATS or not path.is_file():
            return False
    except (OSError, ValueError):  # a name that no file can have
        return False
    sniff = _SNIFFS.get(content_suffix(path))
    if sniff is None:
        return True
    with suppress(LsrError, ValueError, pa.ArrowException, OSError, RecursionError):
        return sniff(path)
    return False


def _parquet_holds(path: Path) -> bool:
    read_layout(path)
    return {"indices", "values"} <= set(pq.read_schema(path.absolute()).names)


def _first_line(path: Path) -> str:
    return next((text for _, text in read_lines(path, stop)), "")


def _jsonl_holds(path: Path) -> bool:
    first = json.loads(_first_line(path))
    return isinstance(first, dict) and (isinstance(first.get("vector"), dict) or lists_of(first) is not None)


def _csv_holds(path: Path) -> bool:
    first = _first_line(path)
    delimiter = next((each for each in ",;\t" if each in first), ",")
    return layout_of(next(csv.reader([first], delimiter=delimiter))) is not None


# Formats that may hold texts as well.
_SNIFFS = {".parquet": _parquet_holds, ".jsonl": _jsonl_holds, ".csv": _csv_holds}

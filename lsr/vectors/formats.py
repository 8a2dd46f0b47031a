"""The formats of vector files: the registry, keyed by file name, and the interface of each format.

A format is loaded when it is first needed. `SparseVectors.save` and `load` use this file, so it cannot import that
class; `lsr.vectors.files` has the same functions with their types.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from lsr.core.annotated import as_annotated
from lsr.core.arguments import count, kind_of, path_of
from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.text.compression import COMPRESSIONS, WRITTEN_COMPRESSIONS
from lsr.text.lines import content_suffix

Progress = Callable[[int], None]

BATCH_ROWS = 8192


class VectorFormat(Protocol):
    """Reads and writes files of one format. Batches are `lsr.vectors.sparse.SparseVectors`."""

    def vocabulary(self, path: Path) -> Vocabulary | None:
        """The terms of a file's vectors, sorted; None if the format stores term ids."""
        ...

    def read(
        self, path: Path, *, vocabulary: Vocabulary | None, dim: int | None, batch_rows: int, scale: float | None
    ) -> Iterator[Any]:
        """Read batches of at most `batch_rows` rows, at least one batch.

        Raises the errors of `lsr.vectors.files.iter_vectors`."""
        ...

    def write(
        self,
        path: Path,
        batches: Iterable[Any],
        *,
        dim: int,
        vocabulary: Vocabulary | None,
        scale: float | None,
        force: bool,
        progress: Progress | None,
    ) -> int:
        """Write batches of `dim` terms and return the number of rows; `vocabulary` is given if the format stores terms.

        The file appears whole or not at all. Raises the errors of `lsr.vectors.files.write_vectors`.
        """
        ...

    def scale(self, path: Path) -> float | None:
        """The ratio of a file's integers to the weights; None if the format stores the weights themselves."""
        ...


class FormatEntry(NamedTuple):
    """An entry for a format that is not loaded yet.

    `module` has a `VectorFormat` as FORMAT; `title` is the format's usual name.
    """

    module: str
    title: str
    holds_terms: bool = True
    holds_integers: bool = False
    compressible: bool = True


FORMATS = {
    ".parquet": FormatEntry("lsr.vectors.parquet", "Parquet", holds_terms=False, compressible=False),
    ".jsonl": FormatEntry("lsr.vectors.jsonl", "JSONL"),
    ".npz": FormatEntry("lsr.vectors.npz", "SciPy's .npz", holds_terms=False, compressible=False),
    ".csv": FormatEntry("lsr.vectors.csv_rows", "CSV", holds_terms=False),
    ".ciff": FormatEntry("lsr.vectors.ciff.format", "CIFF", holds_integers=True),
}
"""By the suffix of the file name, before .gz or .zst where the format may be compressed."""


@as_annotated
def file_format(path: Path, scale: float | None = None) -> str:
    """The file's key in `FORMATS`. InputError for another suffix, or a `scale` for a format that stores weights."""
    suffix = content_suffix(path)
    entry = FORMATS.get(suffix)
    if entry is None or not (entry.compressible or path.suffix.lower() == suffix):
        compressible = " and ".join(suffix for suffix, entry in FORMATS.items() if entry.compressible)
        *others, last = FORMATS
        names = f"{', '.join(others)} or {last}, {compressible} also with .gz or .zst"
        raise InputError(f"the name of a vector file must end in {names}", source=str(path))
    if scale is not None:
        if not entry.holds_integers:
            scaled = " and ".join(entry.title for entry in FORMATS.values() if entry.holds_integers)
            message = f"a scale is only for {scaled}, which stores integers; {suffix} stores the weights themselves"
            raise InputError(message, source=str(path))
        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"the scale must be a positive number, not {scale}", source=str(path))
    return suffix


@as_annotated
def check_written(path: Path, scale: float | None = None) -> str:
    """The key of a file that is to be written. InputError as `file_format`, and for a compression that is only read."""
    suffix = file_format(path, scale)
    if path.suffix.lower() in COMPRESSIONS and path.suffix.lower() not in WRITTEN_COMPRESSIONS:
        written = " or ".join(WRITTEN_COMPRESSIONS)
        raise InputError(f"{path.suffix} is read, not written: name it {written}", source=str(path))
    return suffix


def open_format(path: Path, scale: float | None = None) -> VectorFormat:
    """The format of an existing file. Raises the errors of `file_format`, and InputError if the file does not exist."""
    suffix = file_format(path, scale)
    if not path.is_file():
        raise InputError("no such file", source=str(path))
    return _load(suffix)


def read(
    path: str | Path,
    *,
    vocabulary: Vocabulary | None = None,
    dim: int | None = None,
    batch_rows: int = BATCH_ROWS,
    scale: float | None = None,
) -> Iterator[Any]:
    """See `lsr.vectors.files.iter_vectors`."""
    path = path_of(path, "the path of a file of vectors")
    format = open_format(path, scale)
    batch_rows = count(batch_rows, "batch_rows")
    dim = None if dim is None else count(dim, "dim", least=0)
    return format.read(path, vocabulary=vocabulary, dim=dim, batch_rows=batch_rows, scale=scale)


def write(
    path: str | Path,
    batches: Iterable[Any],
    *,
    vocabulary: Vocabulary | None = None,
    force: bool = False,
    scale: float | None = None,
    progress: Progress | None = None,
) -> int:
    """See `lsr.vectors.files.write_vectors`."""
    path = path_of(path, "the path of a file of vectors")
    suffix = check_written(path, scale)
    if not isinstance(batches, Iterable):
        raise InputError(f"vectors are written from an iterable of SparseVectors, not {kind_of(batches)}")
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise InputError("no vectors to write", source=str(path))
    if not hasattr(first, "dim"):
        raise InputError(f"vectors are written from an iterable of SparseVectors, not of {kind_of(first)}")
    same_size(path, first.dim, None if vocabulary is None else len(vocabulary))
    if vocabulary is None and FORMATS[suffix].holds_terms:
        title = FORMATS[suffix].title
        raise InputError(f"{title} stores terms, not term ids: give the vocabulary", source=str(path))
    return _load(suffix).write(
        path,
        chain([first], batches),
        dim=first.dim,
        vocabulary=vocabulary,
        scale=scale,
        force=force,
        progress=progress,
    )


def same_size(path: Path, *sizes: int | None) -> int | None:
    """The common vocabulary size of those given, leaving out None; None if none is given. InputError if they differ."""
    known = sorted({size for size in sizes if size is not None})
    if len(known) > 1:
        raise InputError(f"vocabularies of different sizes: {known[0]:,} and {known[1]:,} terms", source=str(path))
    return known[0] if known else None


def reported(batches: Iterable[Any], progress: Progress | None) -> Iterator[Any]:
    """Pass the batches on, reporting each one when the next is requested."""
    for batch in batches:
        yield batch
        if progress is not None:
            progress(len(batch))


def _load(suffix: str) -> VectorFormat:
    return cast(VectorFormat, import_module(FORMATS[suffix].module).FORMAT)

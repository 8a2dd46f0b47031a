"""Sparse vectors as CSV, in one of two layouts that the header tells apart.

`id,term,weight` (or `id,index,weight`, for term ids) has a line for each pair, those of one vector beside each other.
`id,indices,values` has a line for each vector, with lists of numbers as "[1, 5]" or "1 5"; this is what is written.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from lsr.core.errors import InputError
from lsr.core.files import atomic_file
from lsr.core.unique_ids import UniqueIds
from lsr.core.vocabulary import Vocabulary
from lsr.text.lines import COMPRESSIONS, read_lines, stop
from lsr.text.records import ID_NAMES
from lsr.vectors.formats import Progress, VectorFormat, reported, same_size
from lsr.vectors.pairs import vectors_of_pairs
from lsr.vectors.sparse import SparseVectors

_TERMS, _NUMBERS = ("term", "token"), ("index", "term_id")
_WEIGHTS = ("weight", "value", "score")
_LAYOUTS = "id,term,weight or id,index,weight (a line a pair), or id,indices,values (a line a vector)"
# A cell may hold the terms of a whole vector. The csv module has one limit for all.
_LONGEST_CELL = 1 << 24
_WRITE_ROWS = 1024


class _Layout(NamedTuple):
    """Which columns there are: their places, and how the pairs are laid out."""

    id: int
    terms: int
    weights: int
    by_pair: bool
    by_name: bool
    names: list[str]


class _Row(NamedTuple):
    """A vector of the file, with the line it begins in; terms are names or term ids."""

    line: int
    id: str
    terms: list[Any]
    weights: list[float]


def layout_of(header: list[str]) -> _Layout | None:
    """What a header says, or None if it is not one of vectors."""
    names = [name.strip().lower() for name in header]

    def place(of: Iterable[str]) -> int | None:
        return next((names.index(name) for name in of if name in names), None)

    id, indices, values = place(ID_NAMES), place(["indices"]), place(["values"])
    term, number, weight = place(_TERMS), place(_NUMBERS), place(_WEIGHTS)
    if id is None:
        return None
    if indices is not None and values is not None:
        return _Layout(id, indices, values, False, False, names)
    if weight is not None and (term is not None or number is not None):
        return _Layout(id, term if term is not None else number or 0, weight, True, term is not None, names)
    return None


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line."""
    line = 0

    def lines() -> Iterator[str]:
        nonlocal line
        # With their ends, and empty ones too: an id in quotes may hold them.
        for line, text in read_lines(path, stop, blank=True, ends=True):  # noqa: B007
            yield text

    texts = lines()
    first = next((text for text in texts if text.strip()), None)
    if first is None:
        return
    delimiter = next((each for each in ",;\t" if each in first), ",")
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    yield line, next(csv.reader([first], delimiter=delimiter))
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", source=str(path), line=line) from None
        if cells:
            yield line, cells


def _read(path: Path) -> tuple[_Layout, Iterator[_Row]]:
    """The layout and the vectors. InputError for a header that says nothing of vectors."""
    cells = _cells(path)
    _, header = next(cells, (1, []))
    layout = layout_of(header)
    if layout is None:
        there = ", ".join(header) or "none"
        raise InputError(f"vectors in CSV have the columns {_LAYOUTS}; there are {there}", source=str(path), line=1)
    return layout, _gathered(path, layout, cells) if layout.by_pair else _lists(path, layout, cells)


def _gathered(path: Path, layout: _Layout, cells: Iterator[tuple[int, list[str]]]) -> Iterator[_Row]:
    """The vectors of a file with a line for each pair."""
    row: _Row | None = None
    for line, values in _checked(path, layout, cells):
        id = values[layout.id]
        if row is None or row.id != id:
            if row is not None:
                yield row
            row = _Row(line, id, [], [])
        text = values[layout.terms]
        if not text and not values[layout.weights]:
            continue  # a vector without terms
        row.terms.append(text if layout.by_name else _number(text, int, path, line, layout.names[layout.terms]))
        row.weights.append(_number(values[layout.weights], float, path, line, layout.names[layout.weights]))
    if row is not None:
        yield row


def _lists(path: Path, layout: _Layout, cells: Iterator[tuple[int, list[str]]]) -> Iterator[_Row]:
    """The vectors of a file with a line for each."""
    for line, values in _checked(path, layout, cells):
        terms, weights = (
            [
                _number(each, kind, path, line, layout.names[at])
                for each in values[at].strip(" []()").replace(",", " ").split()
            ]
            for at, kind in ((layout.terms, int), (layout.weights, float))
        )
        if len(terms) != len(weights):
            raise InputError(f"{len(terms)} indices but {len(weights)} values", source=str(path), line=line)
        yield _Row(line, values[layout.id], terms, weights)


def _items(cell: str) -> list[str]:
    return cell.strip(" []()").replace(",", " ").split()


def _checked(path: Path, layout: _Layout, cells: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for line, values in cells:
        if len(values) != len(layout.names):
            message = f"{len(values)} cells where the header names {len(layout.names)}"
            raise InputError(message, source=str(path), line=line)
        if not values[layout.id]:
            raise InputError("is empty", source=str(path), line=line, field=layout.names[layout.id])
        yield line, values


def _number(text: str, kind: Callable[[str], Any], path: Path, line: int, field: str) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and (kind is float or 0 <= value < 2**32)):
        wanted = "a finite number" if kind is float else "a term id, a whole number in 0 … 2³² − 1"
        raise InputError(f"must be {wanted}, not {text[:40]!r}", source=str(path), line=line, field=field)
    if kind is float and value < 0:
        raise InputError(f"a weight must be at least 0, not {text[:40]!r}", source=str(path), line=line, field=field)
    return value


class CsvFormat:
    """CSV as one of the formats of vector files: of terms or term ids, as the header says, and weights."""

    def vocabulary(self, path: Path) -> Vocabulary | None:
        """See `VectorFormat.vocabulary`; reads the whole file, if it holds terms."""
        layout, rows = _read(path)
        return Vocabulary(sorted({term for row in rows for term in row.terms})) if layout.by_name else None

    def read(
        self, path: Path, *, vocabulary: Vocabulary | None, dim: int | None, batch_rows: int, scale: float | None
    ) -> Iterator[SparseVectors]:
        """See `VectorFormat.read`."""
        layout, _ = _read(path)
        if layout.by_name and vocabulary is None:
            vocabulary = self.vocabulary(path)
        size = same_size(path, dim, None if vocabulary is None else len(vocabulary))
        if size is None:
            size = 1 + max((max(row.terms, default=-1) for row in _read(path)[1]), default=-1)
        return _batches(path, vocabulary if layout.by_name else None, size, batch_rows)

    def write(
        self,
        path: Path,
        batches: Iterable[SparseVectors],
        *,
        dim: int,
        vocabulary: Vocabulary | None,
        scale: float | None,
        force: bool,
        progress: Progress | None,
    ) -> int:
        """See `VectorFormat.write`."""
        seen = UniqueIds()
        compression = COMPRESSIONS.get(path.suffix.lower())
        with (
            atomic_file(path, force=force) as temporary,
            pa.output_stream(str(temporary), compression=compression) as file,
        ):
            file.write(b"id,indices,values\n")
            for batch in reported(batches, progress):
                if batch.dim != dim:
                    message = f"vectors of {batch.dim:,} terms do not belong with vectors of {dim:,}"
                    raise InputError(message, source=str(path))
                for start in range(0, len(batch), _WRITE_ROWS):
                    file.write("".join(_lines(batch[start : start + _WRITE_ROWS], seen, str(path))).encode())
        return len(seen)

    def scale(self, path: Path) -> None:
        """See `VectorFormat.scale`."""
        return


def _batches(path: Path, vocabulary: Vocabulary | None, dim: int, batch_rows: int) -> Iterator[SparseVectors]:
    seen, waiting, first = UniqueIds(), list[_Row](), 0
    for row in _read(path)[1]:
        if not seen.add(row.id):
            message = f"the id {row.id!r} came before: ids must be unique, and the lines of one vector stand together"
            raise InputError(message, source=str(path), line=row.line, field="id")
        if vocabulary is not None:
            row = row._replace(terms=[_id_of(term, vocabulary, path, row.line) for term in row.terms])
        waiting.append(row)
        if len(waiting) == batch_rows:
            yield _vectors(waiting, dim, path, first)
            first, waiting = first + len(waiting), []
    if waiting or not len(seen):
        yield _vectors(waiting, dim, path, first)


def _id_of(term: str, vocabulary: Vocabulary, path: Path, line: int) -> int:
    id = vocabulary.id(term)
    if id is None:
        message = f"{term!r} is not one of the {len(vocabulary):,} terms of the vocabulary"
        raise InputError(message, source=str(path), line=line, field="term")
    return id


def _vectors(rows: list[_Row], dim: int, path: Path, first: int) -> SparseVectors:
    return vectors_of_pairs(
        [len(row.terms) for row in rows],
        np.array([term for row in rows for term in row.terms], np.int64),
        np.array([weight for row in rows for weight in row.weights], np.float64),
        [row.id for row in rows],
        dim,
        source=str(path),
        first_row=first,
    )


def _lines(part: SparseVectors, seen: UniqueIds, path: str) -> Iterator[str]:
    for id, terms, weights in part:
        if not seen.add(id):
            raise InputError(f"row {len(seen)}: the id {id!r} came before; ids must be unique", source=path)
        quoted = '"' + id.replace('"', '""') + '"'
        # The shortest decimals that read back as the same float32.
        yield f"{quoted},{' '.join(terms.astype(str))},{' '.join(weights.astype(str))}\n"


FORMAT: VectorFormat = CsvFormat()

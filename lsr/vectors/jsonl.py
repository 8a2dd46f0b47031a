"""Sparse vectors as JSON lines, `{"id": …, "vector": {term: weight}}`, as Anserini and the SPLADE code write them.

Lines with term ids, which are read as well, are in `lsr.vectors.jsonl_numbers`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from lsr.core.errors import InputError
from lsr.core.files import atomic_file
from lsr.core.unique_ids import UniqueIds
from lsr.core.vocabulary import Vocabulary
from lsr.text.compression import WRITTEN_COMPRESSIONS
from lsr.text.lines import read_lines
from lsr.text.records import ID_NAMES, parse_id, parse_object
from lsr.vectors.formats import Progress, VectorFormat, reported, same_size
from lsr.vectors.jsonl_numbers import largest_id, lists_of, read_numbers
from lsr.vectors.sparse import SparseVectors

_WRITE_ROWS = 1024
_NUMBERS = {int, float}  # not bool, which is an int to isinstance
_TOO_LARGE = (2 - 2**-24) * 2.0**127  # from here on, rounding to float32 gives infinity


def read_vocabulary(path: str | Path) -> Vocabulary:
    """The terms of the file's vectors, sorted; reads the whole file."""
    terms: set[str] = set()
    for _, _, vector in _rows(Path(path)):
        terms.update(vector)
    return Vocabulary(sorted(terms))


def read_jsonl(path: Path, vocabulary: Vocabulary, batch_rows: int) -> Iterator[SparseVectors]:
    """Batches of at most `batch_rows` rows. InputError names the line and the field `vector.TERM`."""
    batch = _Batch(str(path), vocabulary)
    seen = UniqueIds()
    for line, id, vector in _rows(path):
        if not seen.add(id):
            raise InputError(f"duplicate id {id!r}; ids must be unique", source=str(path), line=line, field="id")
        batch.add(line, id, vector)
        if len(batch.ids) == batch_rows:
            yield batch.vectors()
            batch = _Batch(str(path), vocabulary)
    if batch.ids or not len(seen):
        yield batch.vectors()


def write_jsonl(path: Path, batches: Iterable[SparseVectors], vocabulary: Vocabulary, *, force: bool = False) -> int:
    """Write the vectors, compressed if the name ends in .gz or .zst, and return the number of rows."""
    keys = [json.dumps(term, ensure_ascii=False) + ": " for term in vocabulary]
    seen = UniqueIds()
    compression = WRITTEN_COMPRESSIONS.get(path.suffix.lower())
    with (
        atomic_file(path, force=force) as temporary,
        pa.output_stream(str(temporary), compression=compression) as file,
    ):
        for batch in batches:
            if batch.dim != len(keys):
                message = f"vectors of {batch.dim:,} terms need a vocabulary of that size, not of {len(keys):,}"
                raise InputError(message, source=str(path))
            for start in range(0, len(batch), _WRITE_ROWS):
                part = batch[start : start + _WRITE_ROWS]
                file.write("".join(_lines(part, keys, seen, str(path))).encode())
    return len(seen)


def _lines(part: SparseVectors, keys: list[str], seen: UniqueIds, path: str) -> Iterator[str]:
    terms = part.indices.tolist()
    weights = part.weights.astype(str).tolist()  # the shortest decimal that reads back as the same float32
    for id, start, stop in zip(part.ids, part.indptr[:-1].tolist(), part.indptr[1:].tolist(), strict=True):
        if not seen.add(id):
            raise InputError(f"row {len(seen)}: duplicate id {id!r}; ids must be unique", source=path)
        pairs = zip(terms[start:stop], weights[start:stop], strict=True)
        vector = ", ".join([keys[term] + weight for term, weight in pairs])
        yield f'{{"id": {json.dumps(id, ensure_ascii=False)}, "vector": {{{vector}}}}}\n'


def _rows(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Line number, id and vector of every line."""
    for line, id, values in _objects(path):
        vector = values.get("vector")
        if not isinstance(vector, dict):
            reason = "must be an object of weights by term" if "vector" in values else "missing"
            raise InputError(reason, source=str(path), line=line, field="vector")
        yield line, id, vector


def holds_numbers(path: Path) -> bool:
    """Whether the first line has term ids, and not terms by name."""
    return any(lists_of(values) is not None for _, _, values in islice(_objects(path), 1))


def _objects(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Line number, id and fields of every line."""

    def stop(error: InputError) -> NoReturn:
        raise error

    for line, text in read_lines(path, stop):
        field = None
        try:
            values = parse_object(text)
            field = next((name for name in ID_NAMES if name in values), "id")
            if field not in values:
                raise ValueError(f"missing; the fields here are {', '.join(map(repr, values)) or 'none'}")
            id = parse_id(values[field])
        except ValueError as error:
            raise InputError(str(error), source=str(path), line=line, field=field) from None
        yield line, id, values


class _Batch:
    """Collects rows as they are read; they are checked and turned into arrays together."""

    def __init__(self, source: str, vocabulary: Vocabulary) -> None:
        self.source, self.vocabulary = source, vocabulary
        self.ids: list[str] = []
        self.lengths: list[int] = []
        self.terms: list[int] = []
        self.weights: list[float] = []

    def add(self, line: int, id: str, vector: dict[str, Any]) -> None:
        if vector:
            terms = [self.vocabulary.id(term) for term in vector]
            weights = list(vector.values())
            if (
                None in terms
                or not _NUMBERS.issuperset(map(type, weights))
                or min(weights) < 0
                or max(weights) >= _TOO_LARGE
            ):
                self._fail(line, vector)
            self.terms.extend(terms)  # type: ignore[arg-type]
            self.weights.extend(weights)
        self.ids.append(id)
        self.lengths.append(len(vector))

    def vectors(self) -> SparseVectors:
        rows = np.repeat(np.arange(len(self.ids)), self.lengths)
        indices = np.array(self.terms, dtype=np.uint32)
        weights = np.array(self.weights, dtype=np.float32)
        order = np.lexsort((indices, rows))
        order = order[weights[order] > 0]
        lengths = np.bincount(rows[order], minlength=len(self.ids))
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        dim = len(self.vocabulary)
        return SparseVectors(indptr, indices[order], weights[order], self.ids, dim, validate=False)

    def _fail(self, line: int, vector: dict[str, Any]) -> NoReturn:
        for term, weight in vector.items():
            if term not in self.vocabulary:
                message = f"not one of the {len(self.vocabulary):,} terms of the vocabulary"
            elif type(weight) not in _NUMBERS:
                message = f"a weight must be a number, not {json.dumps(weight)}"
            elif not 0 <= weight < _TOO_LARGE:
                message = f"a weight must be a finite number (float32) of at least 0, not {weight}"
            else:
                continue
            break
        raise InputError(message, source=self.source, line=line, field=f"vector.{term}")


class JsonlFormat:
    """JSON lines as one of the formats of vector files: of terms (or, to be read, term ids), and weights."""

    def vocabulary(self, path: Path) -> Vocabulary | None:
        """See `VectorFormat.vocabulary`; reads the whole file, if it holds terms."""
        return None if holds_numbers(path) else read_vocabulary(path)

    def read(
        self, path: Path, *, vocabulary: Vocabulary | None, dim: int | None, batch_rows: int, scale: float | None
    ) -> Iterator[SparseVectors]:
        """See `VectorFormat.read`."""
        if holds_numbers(path):
            size = same_size(path, dim, None if vocabulary is None else len(vocabulary))
            size = 1 + largest_id(path, _objects) if size is None else size
            return read_numbers(path, size, batch_rows, _objects)
        vocabulary = read_vocabulary(path) if vocabulary is None else vocabulary
        same_size(path, dim, len(vocabulary))
        return read_jsonl(path, vocabulary, batch_rows)

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
        assert vocabulary is not None
        return write_jsonl(path, reported(batches, progress), vocabulary, force=force)

    def scale(self, path: Path) -> None:
        """See `VectorFormat.scale`."""
        return


FORMAT: VectorFormat = JsonlFormat()

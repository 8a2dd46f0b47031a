"""Scores in files: from other tools, or saved from teachers to be used again."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lsr.core.errors import InputError
from lsr.core.files import atomic_file
from lsr.core.progress import Stages, silent
from lsr.core.remedies import ADD_SCORES_FIRST
from lsr.text.lines import content_suffix, read_lines
from lsr.text.parquet import read_parquet
from lsr.text.readers import read_jsonl
from lsr.text.records import FieldNames, parse_id
from lsr.training.teachers.pairs import Pairs
from lsr.training.teachers.vectors import Scores

SUFFIXES = (".parquet", ".jsonl", ".tsv")

_FIELDS = ("query_id", "text_id", "score")
_SCHEMA = pa.schema([("query_id", pa.large_string()), ("text_id", pa.large_string()), ("score", pa.float32())])
_PAIRS = 1 << 16


class FileTeacher:
    """Scores read from a file of (query id, text id, score).

    Three columns separated by tabs (.tsv, with or without a header), JSON objects (.jsonl) or a Parquet file with the
    fields `query_id`, `text_id` and `score`; text may be compressed (.gz, .zst). Pairs that a set does not contain are
    ignored.
    """

    def __init__(self, path: str | Path, name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or str(path)
        if content_suffix(self.path) not in SUFFIXES:
            raise InputError(f"not a file of scores; these end in {', '.join(SUFFIXES)}", source=str(path))

    def score(self, queries: Sequence[str], candidates: Sequence[Sequence[str]]) -> NoReturn:
        """Raises InputError: the file has scores by id, not by text."""
        raise InputError(
            "scores in a file are by id, and the texts of a batch have no ids",
            source=str(self.path),
            remedies=[ADD_SCORES_FIRST],
        )

    def score_pairs(self, pairs: Pairs, scores: Scores, *, work: Path, stages: Stages = silent) -> None:
        """Write the score of every pair into `scores`. InputError if the file lacks one, or has an invalid one."""
        queries: dict[str, list[int]] = defaultdict(list)
        for query, id in enumerate(pairs.query_ids):
            queries[id].append(query)
        scores[:] = np.nan
        with stages(f"reading {self.name}", None, "scores") as progress:
            for query_id, text_id, score in self._read():
                row = pairs.texts.row(text_id) if query_id in queries else None
                if row is not None:
                    for query in queries[query_id]:
                        scores[pairs.span(query)][pairs.candidates(query) == row] = score
                progress(1)
        self._check_all_there(pairs, scores)

    def _check_all_there(self, pairs: Pairs, scores: Scores) -> None:
        missing = np.flatnonzero(np.isnan(scores))
        if len(missing):
            query = int(np.searchsorted(pairs.indptr, missing[0], side="right")) - 1
            text = pairs.texts.id(int(pairs.rows[missing[0]]))
            raise InputError(
                f"no score for query {pairs.query_ids[query]!r} and text {text!r}, nor for {len(missing) - 1:,} other "
                f"pairs of {len(scores):,}; a teacher must score every candidate",
                source=str(self.path),
            )

    def _read(self) -> Iterator[tuple[str, str, float]]:
        read = _read_tsv if content_suffix(self.path) == ".tsv" else _read_fields
        for line, values in read(self.path):
            try:
                yield parse_id(values[0]), parse_id(values[1]), _number(values[2])
            except ValueError as error:
                raise InputError(f"{values!r}: {error}", source=str(self.path), line=line) from None


def write_scores(path: Path, pairs: Pairs, scores: Scores, *, force: bool = False) -> None:
    """Write the score of every pair to a Parquet file that a `FileTeacher` reads."""
    with atomic_file(path, force=force) as temporary, pq.ParquetWriter(temporary.absolute(), _SCHEMA) as writer:
        for first, last in pairs.blocks(_PAIRS):
            start, end = pairs.indptr[first], pairs.indptr[last]
            queries = [pairs.query_ids[query] for query in range(first, last) for _ in pairs.candidates(query)]
            texts = [pairs.texts.id(row) for row in pairs.rows[start:end].tolist()]
            writer.write_table(pa.table([queries, texts, scores[start:end]], schema=_SCHEMA))


def _read_fields(path: Path) -> Iterator[tuple[int | None, list[Any]]]:
    reader = read_parquet if path.suffix == ".parquet" else read_jsonl
    for line, values, *_ in reader(path, FieldNames(), _stop):
        for name in _FIELDS:
            if name not in values:
                raise InputError(
                    f"missing; the fields here are {', '.join(values)}", source=str(path), line=line, field=name
                )
        yield line, [values[name] for name in _FIELDS]


def _read_tsv(path: Path) -> Iterator[tuple[int, list[Any]]]:
    for line, text in read_lines(path, _stop):
        cells = text.split("\t")
        if len(cells) != len(_FIELDS):
            raise InputError(
                f"expected {len(_FIELDS)} columns ({', '.join(_FIELDS)}) separated by tabs, found {len(cells)}",
                source=str(path),
                line=line,
            )
        if line == 1 and cells[2] == _FIELDS[2]:
            continue
        yield line, cells


def _number(value: Any) -> float:
    number = float(value) if isinstance(value, str | int | float) else math.nan
    if not math.isfinite(number):
        raise ValueError("the score is not a finite number")
    return number


def _stop(error: InputError) -> None:
    raise error

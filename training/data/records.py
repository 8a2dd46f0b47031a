"""Records of training files: JSON lines, Parquet, tab-separated triples and dictionaries of scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from lsr.core.errors import InputError, MissingInputError
from lsr.core.parquet_layout import check_layout
from lsr.text.lines import content_suffix, read_lines, stop
from lsr.text.records import parse_object
from lsr.training.data.fields import FieldError, Listed, RecordParser, holds_numbers, names_columns
from lsr.training.data.score_pickle import read_score_pickle

SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet", ".tsv", ".pkl", ".pickle")

# A record can hold hundreds of texts.
_PARQUET_ROWS = 128
_TEXT_COLUMNS = {
    2: ("query", "positive"),
    3: ("query", "positive", "negative"),
    5: ("query", "positive", "negative", "positive_score", "negative_score"),
}
_ID_COLUMNS = {
    3: ("query_id", "positive", "negative"),
    5: ("positive_score", "negative_score", "query_id", "positive", "negative"),
}


class Located(NamedTuple):
    """What a record lists, and where it is."""

    source: str
    line: int | None
    listed: Listed


def record_files(source: str | Path) -> list[Path]:
    """The files that a path or a pattern such as "data/train-*.parquet" names, sorted.

    MissingInputError if there are none, InputError for a file type that holds no records.
    """
    path = Path(source)
    files = [path] if path.exists() else sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    if not files:
        raise MissingInputError("no such file", source=str(source))
    for file in files:
        if file.is_dir() or content_suffix(file) not in SUFFIXES:
            raise InputError(f"not a file of training data; these end in {', '.join(SUFFIXES)}", source=str(file))
    return files


def read_listed(files: Sequence[Path], parser: RecordParser, *, by_id: bool) -> Iterator[Located]:
    """Read what the records of the files list, in order. Raises InputError naming file, line and field.

    Lines of Parquet files are row numbers from 1; entries of a pickled dictionary have none.
    """
    for file in files:
        is_table = content_suffix(file) == ".tsv"
        header = _header(file) if is_table else []
        if is_table and not header:
            for line, listed in _triples(file, by_id):
                yield Located(str(file), line, listed)
            continue
        for number, values in _named_rows(file, header) if header else _records(file, by_id):
            try:
                listed = parser.parse(values)
            except FieldError as error:
                raise InputError(
                    error.reason, source=str(file), line=number, field=error.field, remedies=error.remedies
                ) from None
            yield Located(str(file), number, listed)


def _records(file: Path, by_id: bool) -> Iterator[tuple[int | None, dict[str, Any]]]:
    suffix = content_suffix(file)
    if suffix == ".parquet":
        yield from _parquet_rows(file)
    elif suffix in (".pkl", ".pickle"):
        if not by_id:
            raise InputError("pickled scores have no texts: give them as candidates of a collection", source=str(file))
        for query_id, scores in read_score_pickle(file):
            yield None, {"query_id": query_id, "scores": scores}
    else:
        for line, text in read_lines(file, stop):
            try:
                yield line, _json_record(text)
            except ValueError as error:
                raise InputError(str(error), source=str(file), line=line) from None


def _json_record(text: str) -> dict[str, Any]:
    """Parse an object, or an array of query, positive and negatives as in sentence-transformers and ColBERT."""
    if not (text.startswith("[") and text.rstrip().endswith("]")):
        return parse_object(text)
    # Read as a line's object is, with the same bounds.
    record = parse_object(f'{{"record": {text}}}')["record"]
    try:
        query, positive, *negatives = record
    except ValueError:
        raise ValueError("an array must hold a query, a positive, and any number of negatives") from None
    if isinstance(positive, list):  # with its score
        return {"query": query, "positives": [positive], "negatives": negatives}
    single = len(negatives) == 1
    return {"query": query, "positive": positive, "negative": negatives[0] if single else negatives or None}


def _parquet_rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        check_layout(file)
        # Without pre-buffering, which would hold every row group that was read.
        with pq.ParquetFile(file, pre_buffer=False) as parquet:
            for batch in parquet.iter_batches(batch_size=_PARQUET_ROWS):
                for values in batch.to_pylist():
                    row += 1
                    yield row, values
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"not a readable Parquet file: {error}", source=str(file)) from error


def _header(file: Path) -> list[str]:
    """The names of the columns of a tab-separated file, if its first line is of names; else none."""
    _, first = next(read_lines(file, stop), (0, ""))
    names = [cell.strip().lower() for cell in first.split("\t")]
    return names if names_columns(names) else []


def _named_rows(file: Path, header: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows below a header, by its names."""
    for line, text in islice(read_lines(file, stop), 1, None):
        cells: list[Any] = text.split("\t")
        if len(cells) != len(header):
            message = f"{len(cells)} columns separated by tabs; expected {len(header)}: {', '.join(header)}"
            raise InputError(message, source=str(file), line=line)
        yield (
            line,
            {
                name: _score(cell, file, line, name) if holds_numbers(name) else cell
                for name, cell in zip(header, cells, strict=True)
            },
        )


def _triples(file: Path, by_id: bool) -> Iterator[tuple[int, Listed]]:
    """Tab-separated pairs and triples, with or without scores; every line has as many columns as the first."""
    forms = _ID_COLUMNS if by_id else _TEXT_COLUMNS
    columns: tuple[str, ...] = ()
    for line, text in read_lines(file, stop):
        cells = text.split("\t")
        columns = columns or forms.get(len(cells), ())
        if len(cells) != len(columns):
            expected = [columns] if columns else forms.values()
            known = "; or ".join(f"{len(names)}: {', '.join(names)}" for names in expected)
            message = f"{len(cells)} columns separated by tabs; expected {known}"
            raise InputError(message, source=str(file), line=line)
        scores = None
        if len(cells) == 5:
            at = columns.index("positive_score")
            scores = [_score(cells[place], file, line, columns[place]) for place in (at, at + 1)]
            del cells[at : at + 2]
        query, positive, *negatives = cells
        query_id, query_text = (query, None) if by_id else (None, query)
        yield line, Listed(query_id, query_text, [positive], negatives, scores, single=True)


def _score(cell: str, file: Path, line: int, field: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"must be a number, not {cell!r}", source=str(file), line=line, field=field) from None

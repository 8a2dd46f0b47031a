"""Readers of line formats: JSON lines, tab-separated values, plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lsr.core.errors import InputError
from lsr.text.compression import COMPRESSIONS
from lsr.text.lines import OnBad, name_of, open_bytes, read_lines
from lsr.text.records import ID_NAMES, QUERY_ID_NAMES, QUERY_TEXT_NAMES, TEXT_NAMES, FieldNames, Record, parse_object

# MS MARCO's collection.tsv and queries.tsv, the form with titles, and MS MARCO's msmarco-docs.tsv.
_COLUMNS = {
    2: ("id", "text"),
    3: ("id", "title", "text"),
    4: ("id", "url", "title", "text"),
}


def read_jsonl(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """One JSON object per line."""
    for line, text in read_lines(source, on_bad):
        try:
            values = parse_object(text)
        except ValueError as error:
            on_bad(InputError(str(error), source=name_of(source), line=line))
            continue
        yield Record(line, values)


def read_tsv(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """Tab-separated columns, without quoting: `id text`, `id title text`, `id url title text`, or as given by a header.

    The first line is a header if field names were given, or if it names both an id and a text by their usual names.
    Every line must have as many columns as the first.
    """
    header: Sequence[str] = ()
    for line, text in read_lines(source, on_bad):
        cells = text.split("\t")
        if not header:
            if is_header(cells, names):
                header = unique_columns(cells, source, line)
                continue
            if len(cells) in _COLUMNS:
                header = _COLUMNS[len(cells)]
        if len(cells) != len(header):
            expected = f"{len(header)} columns ({', '.join(header)})" if header else "2 to 4 columns (id, …, text)"
            message = f"expected {expected} separated by tabs, found {len(cells)}"
            on_bad(InputError(message, source=name_of(source), line=line))
            continue
        yield Record(line, dict(zip(header, cells, strict=True)))


def read_plain_lines(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """Each line is a text; its id is the line number."""
    for line, text in read_lines(source, on_bad):
        yield Record(line, {"id": str(line), "text": text})


def count_lines(source: str | Path) -> int | None:
    """How many lines a file has; None for one that is compressed, or a pipe (bash's <(…) is one), read only once."""
    path = Path(source)
    if not path.is_file() or path.suffix.lower() in COMPRESSIONS:
        return None
    lines, last = 0, b"\n"
    with open_bytes(path) as file:
        while chunk := file.read(1 << 20):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")


def is_header(cells: Sequence[str], names: FieldNames) -> bool:
    """Whether the cells of a first line are names: they were asked for, or an id and a text are among them."""
    if names.id or names.title or names.text:
        return True
    there = set(cells)
    return not there.isdisjoint(ID_NAMES + QUERY_ID_NAMES) and not there.isdisjoint(TEXT_NAMES + QUERY_TEXT_NAMES)


def unique_columns(columns: Sequence[str], source: str | Path, line: int | None = None) -> Sequence[str]:
    """The names of columns. InputError for one that stands twice: which of the two is meant, nobody can tell."""
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise InputError("two columns have this name; rename one", source=name_of(source), line=line, field=twice)
    return columns

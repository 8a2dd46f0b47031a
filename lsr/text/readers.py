"""Readers of line formats: JSON lines, tab-separated values, plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from lsr.core.errors import InputError
from lsr.text.compression import COMPRESSIONS
from lsr.text.lines import OnBad, name_of, open_bytes, read_lines
from lsr.text.records import (
    ID_NAMES,
    QUERY_ID_NAMES,
    QUERY_TEXT_NAMES,
    TEXT_NAMES,
    FieldNames,
    Record,
    parse_object,
    usual_name,
)

# MS MARCO's collection.tsv and queries.tsv, the form with titles, and MS MARCO's msmarco-docs.tsv.
_COLUMNS = {
    2: ("id", "text"),
    3: ("id", "title", "text"),
    4: ("id", "url", "title", "text"),
}
_IDS, _TEXTS = ID_NAMES + QUERY_ID_NAMES, TEXT_NAMES + QUERY_TEXT_NAMES
_LOOKED_AT = 20


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

    The first line is a header if field names were given, or if it has a usual name of an id, beside that of a text or
    first among single words. Of two columns, the one that is not the id's is the text, whatever its name. Every line
    must have as many columns as the first.
    """
    header: Sequence[str] = ()
    for line, text in read_lines(source, on_bad):
        cells = text.split("\t")
        if not header:
            if _is_first_line_header(cells, names):
                header = unique_columns(_with_text([cell.strip() for cell in cells], names), source, line)
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
    return usual_name(cells, _IDS) is not None and usual_name(cells, _TEXTS) is not None


def is_collection(source: str | Path, names: FieldNames) -> bool:
    """Whether the records of a tab-separated file are documents, not rows of some table, by its first lines.

    A header says so, as in `read_tsv`. Without one, they are rows of two to four columns whose first is a word that is
    in no other row, and whose last is of several words, in most of them.
    """
    rows: list[list[str]] = []
    for _, text in islice(read_lines(source, lambda error: None), _LOOKED_AT):
        cells = text.split("\t")
        if not rows and _is_first_line_header(cells, names):
            return True
        rows.append(cells)
    ids = [cells[0].strip() for cells in rows]
    words = all(len(id.split()) == 1 for id in ids) and len(set(ids)) == len(ids)
    texts = sum(len(cells[-1].split()) > 1 for cells in rows)
    return words and texts * 2 > len(rows) and {len(cells) for cells in rows} <= set(_COLUMNS)


def _is_first_line_header(cells: Sequence[str], names: FieldNames) -> bool:
    """As `is_header`; the name of an id in the first column is enough where the others look like names too."""
    cells = [cell.strip() for cell in cells]
    if is_header(cells, names):
        return True
    return len(cells) > 1 and usual_name(cells[:1], _IDS) is not None and all(len(cell.split()) == 1 for cell in cells)


def _with_text(columns: list[str], names: FieldNames) -> list[str]:
    """The names of columns, of which one must be the text where there are but two."""
    if names == FieldNames() and len(columns) == 2 and usual_name(columns, _TEXTS) is None:
        return [name if usual_name((name,), _IDS) else "text" for name in columns]
    return columns


def unique_columns(columns: Sequence[str], source: str | Path, line: int | None = None) -> Sequence[str]:
    """The names of columns. InputError for one that stands twice: which of the two is meant, nobody can tell."""
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise InputError("two columns have this name; rename one", source=name_of(source), line=line, field=twice)
    return columns

"""Opening a corpus or a file of queries, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.core.remedies import name_format
from lsr.text import irds
from lsr.text.folder import TEXT_SUFFIXES, read_folder, read_single_file, text_files
from lsr.text.lines import COMPRESSIONS, STDIN, OnBad, content_suffix, name_of, open_bytes
from lsr.text.readers import read_jsonl, read_parquet, read_plain_lines, read_tsv
from lsr.text.records import FieldNames, Record, SkipReport, documents, queries

OnError = Literal["stop", "skip"]
Reader = Callable[[str | Path, FieldNames, OnBad], Iterator[Record]]

FORMATS = {
    "beir": "a folder with corpus.jsonl and queries.jsonl, as in BEIR",
    "jsonl": "one JSON object per line: .jsonl, also .gz and .zst; stdin unless another format is given",
    "tsv": "tab-separated id, text; id, title, text; or with a header: .tsv, also .gz and .zst",
    "parquet": "a Parquet file with the fields as columns: .parquet",
    "irds": "irds:NAME, a dataset from ir_datasets",
    "folder": "a folder of text files: .txt, .md, .markdown, .rst",
    "file": "one text file as one document",
    "lines": "each line is a text, its line number the id; .txt files of queries",
}
"""Format names for `format=`, and what each is."""

_BY_SUFFIX = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".tsv": "tsv",
    ".parquet": "parquet",
    **dict.fromkeys(TEXT_SUFFIXES, "file"),
}
_READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "tsv": read_tsv,
    "parquet": read_parquet,
    "folder": read_folder,
    "file": read_single_file,
    "lines": read_plain_lines,
}


def open_corpus(
    source: str | Path,
    *,
    format: str | None = None,
    fields: FieldNames | None = None,
    on_error: OnError = "stop",
    skipped: SkipReport | None = None,
) -> Iterator[Document]:
    """Stream the documents of `source`: a path, "irds:NAME", or "-" for stdin.

    Args:
        format: one of FORMATS; found from the name if not given.
        fields: which fields contain the id, the title and the text.
        on_error: "stop" raises InputError at the first bad document (malformed, without id or text, or with a
            duplicate id); "skip" leaves it out and counts it in `skipped`. A damaged or truncated file always stops.

    Returns:
        Documents one at a time; memory does not grow with the corpus except for a hash of each id (at most 21 bytes).

    Raises:
        InputError: at once if the source is missing or its format unknown; later, with file, line and field, for
            a bad document, and for a source without any documents.
    """
    format = _format(source, format, for_queries=False)
    path, reader = _reader(source, format, "corpus", irds.read_documents)
    return _stream(documents, reader, path, fields, on_error, skipped, "documents")


def open_queries(
    source: str | Path,
    *,
    format: str | None = None,
    fields: FieldNames | None = None,
    on_error: OnError = "stop",
    skipped: SkipReport | None = None,
) -> Iterator[Query]:
    """Stream the queries of `source`, with the formats and rules of `open_corpus`.

    A BEIR folder gives its queries.jsonl; a text file gives one query a line.
    """
    format = _format(source, format, for_queries=True)
    path, reader = _reader(source, format, "queries", irds.read_queries)
    return _stream(queries, reader, path, fields, on_error, skipped, "queries")


def count_documents(source: str | Path, *, format: str | None = None) -> int | None:
    """How many documents `source` has, or None if that takes reading the texts.

    Parquet and ir_datasets record it; uncompressed files have about one document per line, folders one per file.
    """
    format = _format(source, format, for_queries=False)
    if str(source) == STDIN:
        return None
    if format == "irds":
        return irds.count(str(source))
    path = _beir_file(Path(source), "corpus") if format == "beir" else Path(source)
    if format == "file":
        return 1
    if format == "folder":
        return sum(1 for _ in text_files(path))
    if format == "parquet":
        import pyarrow.parquet as pq

        return pq.read_metadata(path).num_rows
    # A pipe (bash's <(…) is one) can be read only once.
    return _count_lines(path) if path.is_file() and path.suffix.lower() not in COMPRESSIONS else None


def _format(source: str | Path, format: str | None, *, for_queries: bool) -> str:
    """The format's name. InputError if the source does not exist or its format is unknown."""
    name = name_of(source)
    if format is not None and format not in FORMATS:
        raise InputError(f"there is no format {format!r}; choose one of {', '.join(FORMATS)}")
    if str(source).startswith(irds.PREFIX):
        return "irds"
    if str(source) == STDIN:
        if format not in (None, "jsonl", "tsv", "lines"):
            raise InputError(f"format {format!r} cannot be read from stdin; give jsonl, tsv or lines", source=name)
        return format or "jsonl"
    path = Path(source)
    if not path.exists():
        raise InputError(
            f"no such file or folder; a dataset from ir_datasets is named {irds.PREFIX}{name}", source=name
        )
    if path.is_dir() != (format in ("beir", "folder")) and format is not None:
        kind = "a folder" if path.is_dir() else "a file"
        raise InputError(f"this is {kind}, which format {format!r} does not read", source=name)
    if format is not None:
        return format
    if path.is_dir():
        is_beir = any(_find_beir_file(path, part) for part in ("corpus", "queries"))
        if for_queries and not is_beir:
            raise InputError("a folder of queries must contain queries.jsonl", source=name)
        return "beir" if is_beir else "folder"
    found = _BY_SUFFIX.get(content_suffix(path))
    if found is None:
        raise InputError("cannot tell the format from the name", source=name, remedies=[name_format(FORMATS)])
    return "lines" if for_queries and found == "file" else found


def _reader(source: str | Path, format: str, beir_part: str, of_irds: Reader) -> tuple[str | Path, Reader]:
    if format == "beir":
        return _beir_file(Path(source), beir_part), read_jsonl
    return source, of_irds if format == "irds" else _READERS[format]


def _beir_file(folder: Path, part: str) -> Path:
    found = _find_beir_file(folder, part)
    if found is None:
        raise InputError(f"a BEIR folder needs {part}.jsonl (or .jsonl.gz, .jsonl.zst)", source=str(folder))
    return found


def _find_beir_file(folder: Path, part: str) -> Path | None:
    paths = (folder / f"{part}.jsonl{suffix}" for suffix in ("", *COMPRESSIONS))
    return next((path for path in paths if path.is_file()), None)


def _stream(
    convert: Callable[[Iterable[Record], FieldNames, str, OnBad], Iterator[Any]],
    reader: Reader,
    source: str | Path,
    fields: FieldNames | None,
    on_error: OnError,
    skipped: SkipReport | None,
    what: str,
) -> Iterator[Any]:
    if on_error not in ("stop", "skip"):
        raise InputError(f'on_error must be "stop" or "skip", not {on_error!r}')
    report = SkipReport() if skipped is None else skipped
    names = fields or FieldNames()

    def stop(error: InputError) -> None:
        raise error

    on_bad = stop if on_error == "stop" else report.add
    name = name_of(source)

    def stream() -> Iterator[Any]:
        nothing = True
        for item in convert(reader(source, names, on_bad), names, name, on_bad):
            nothing = False
            yield item
        if nothing:
            reason = f"; {report.count} lines were skipped, the first: {report.messages[0]}" if report.count else ""
            raise InputError(f"no {what} in it{reason}", source=name)

    return stream()


def _count_lines(path: Path) -> int:
    lines, last = 0, b"\n"
    with open_bytes(path) as file:
        while chunk := file.read(1 << 20):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")

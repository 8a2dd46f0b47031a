"""Opening a corpus or a file of queries, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from lsr.core.annotated import as_annotated
from lsr.core.arguments import path_of
from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.core.options import listed
from lsr.core.remedies import name_format
from lsr.text import beir, irds
from lsr.text.formats import CORPUS_FORMATS, Reader
from lsr.text.lines import STDIN, OnBad, content_suffix, name_of, peek_stdin, stop
from lsr.text.records import FieldNames, Record, documents, queries
from lsr.text.reports import Reporter, SkipReport

OnError = Literal["stop", "skip", "skip-files"]

FORMATS = {name: each.title for name, each in CORPUS_FORMATS.items()}
"""Format names for `format=`, and what each is."""

# How the manifests of indexes, of shards and of training sets begin.
_MADE = re.compile(rb'\s*\{\s*"format":\s*"lsr[ -]([a-z ]+)"')
_BEGINNING = 256


@as_annotated
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
        fields: which fields hold the id, the title and the text.
        on_error: "stop" raises InputError at the first bad document (malformed, without id or text, an id that came
            before); "skip" leaves it out and counts it in `skipped`; "skip-files" does so with whole files of a folder:
            those that cannot be read, and those of which one document is bad, which are read twice for that. It stops
            at an id that came in an earlier file. A source that is damaged or cut short always stops.
        skipped: counts what is left out, and what had to be guessed.

    Returns:
        Documents one at a time; memory does not grow with the corpus except for a hash of each id (at most 21 bytes).

    Raises:
        InputError: at once if the source is missing or its format unknown; later, with file, line and field, for
            a bad document, and for a source without any documents.
    """
    format = _format(source, format, for_queries=False)
    path, reader = _located(source, format, "corpus"), CORPUS_FORMATS[format].read
    return _stream(documents, reader, path, fields, on_error, skipped, "documents")


@as_annotated
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
    path, each = _located(source, format, "queries"), CORPUS_FORMATS[format]
    return _stream(queries, each.read_queries or each.read, path, fields, on_error, skipped, "queries")


@as_annotated
def count_documents(source: str | Path, *, format: str | None = None) -> int | None:
    """How many documents `source` has, or None if that takes reading the texts.

    Parquet and ir_datasets record it; uncompressed files have about one document per line, folders one per file.
    """
    format = _format(source, format, for_queries=False)
    if str(source) == STDIN:
        return None
    return CORPUS_FORMATS[format].count(_located(source, format, "corpus"))


def _format(source: str | Path, format: str | None, *, for_queries: bool) -> str:
    """The format's name. InputError if the source does not exist or its format is unknown."""
    name = name_of(path_of(source, "a corpus or a file of queries"))
    if format is not None and format not in CORPUS_FORMATS:
        raise InputError(f"there is no format {format!r}; choose one of {', '.join(CORPUS_FORMATS)}")
    if str(source).startswith(irds.PREFIX):
        return "irds"
    if str(source) == STDIN:
        if format is not None and not CORPUS_FORMATS[format].stdin:
            others = listed([other for other, each in CORPUS_FORMATS.items() if each.stdin])
            raise InputError(f"format {format!r} cannot be read from stdin; give {others}", source=name)
        return format or _format_of_stdin(for_queries=for_queries)
    path = Path(source)
    if not path.exists():
        raise InputError(f"no such file or folder; a dataset of ir_datasets is named {irds.PREFIX}{name}", source=name)
    if format is not None and path.is_dir() != CORPUS_FORMATS[format].is_folder:
        kind = "a folder" if path.is_dir() else "a file"
        raise InputError(f"this is {kind}, which format {format!r} does not read", source=name)
    if format is not None:
        return format
    if path.is_dir():
        _refuse_made(path, name)
        is_beir = beir.is_beir_folder(path)
        if for_queries and not is_beir:
            raise InputError("a folder of queries must contain queries.jsonl", source=name)
        return "beir" if is_beir else "folder"
    suffix = content_suffix(path)
    for found, each in CORPUS_FORMATS.items():
        if suffix in each.ends(for_queries=for_queries):
            return found
    endings = [ending for each in CORPUS_FORMATS.values() for ending in each.ends(for_queries=for_queries)]
    raise InputError(
        "cannot tell the format from the name", source=name, remedies=[name_format(CORPUS_FORMATS, endings)]
    )


def _refuse_made(path: Path, name: str) -> None:
    """InputError for a folder that lsr made of a corpus, whose files would be taken for texts."""
    for manifest in ("manifest.json", "shards.json"):
        try:
            with (path / manifest).open("rb") as stream:
                found = _MADE.match(stream.read(_BEGINNING))
        except OSError:
            continue
        if found:
            what = {"index": "an index", "shards": "an index in shards"}.get(
                found[1].decode(), f"a {found[1].decode()}"
            )
            raise InputError(f"this is {what}, not a corpus: name what it was made of", source=name)


def _format_of_stdin(*, for_queries: bool) -> str:
    """The format that the first line on stdin looks like; JSON lines where it looks like none."""
    first = peek_stdin().lstrip().partition("\n")[0]
    if first.startswith(("{", "[")) or not first:
        return "jsonl"
    if "\t" in first:
        return "tsv"
    return "lines" if for_queries else "jsonl"


def _located(source: str | Path, format: str, part: beir.Part) -> str | Path:
    """The source that its format's reader takes. InputError if a folder lacks the part."""
    locate = CORPUS_FORMATS[format].locate
    return source if locate is None else locate(Path(source), part)


def _stream(
    convert: Callable[[Iterable[Record], FieldNames, str, OnBad], Iterator[Any]],
    reader: Reader,
    source: str | Path,
    fields: FieldNames | None,
    on_error: OnError,
    skipped: SkipReport | None,
    what: str,
) -> Iterator[Any]:
    if on_error not in get_args(OnError):
        among = listed([repr(choice) for choice in get_args(OnError)])
        raise InputError(f"on_error must be {among}, not {on_error!r}")
    report = SkipReport() if skipped is None else skipped
    names = fields or FieldNames()
    on_bad = Reporter(
        report,
        report.add if on_error == "skip" else stop,
        stop if on_error == "stop" else report.add,
        whole_files=on_error == "skip-files",
    )
    name = name_of(source)

    def stream() -> Iterator[Any]:
        nothing = True
        for item in convert(reader(source, names, on_bad), names, name, on_bad):
            nothing = False
            yield item
        if nothing:
            raise InputError(f"no {what} in it{_what_is_there(report)}", source=name)

    return stream()


def _what_is_there(report: SkipReport) -> str:
    """Why nothing came of a source that is not empty."""
    reasons = []
    if report.count:
        reasons.append(f"{report.count} lines or files were skipped, the first: {report.messages[0]}")
    if report.files_unread:
        reasons.append(f"files of kinds that are not read: {', '.join(report.files_unread)}")
    return "".join(f"; {reason}" for reason in reasons)

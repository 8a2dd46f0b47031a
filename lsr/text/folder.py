"""A folder of files: documents, one a file, and files of records as JSON lines, each record a document."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from lsr.core.errors import InputError
from lsr.text.files.page import Page, joined
from lsr.text.files.raw import read_text
from lsr.text.files.registry import read_file, unread_kind
from lsr.text.lines import OnBad, content_suffix
from lsr.text.readers import is_header
from lsr.text.records import FieldNames, Record, documents
from lsr.text.reports import Reporter

RecordReader = Callable[[str | Path, FieldNames, OnBad], Iterator[Record]]


class RecordFormat(NamedTuple):
    """How a file of records in a folder is read.

    Attributes:
        read: gives its records.
        is_corpus: whether they are documents, by the file's beginning; a text if not. None: the first record tells.
    """

    read: RecordReader
    is_corpus: Callable[[str | Path, FieldNames], bool] | None = None


RecordFormats = Mapping[str, RecordFormat]
"""By the ending of the files' names."""


def read_folder(source: str | Path, names: FieldNames, on_bad: OnBad, formats: RecordFormats) -> Iterator[Record]:
    """The files below a folder, folder by folder, sorted by name; ids are relative paths with "/".

    A file of records (`formats`) gives its records, with their own ids, where they name an id and a text, as the
    shards of a corpus do; another, such as a spreadsheet's CSV, is one document. Hidden files and folders are left out,
    and links to folders are not followed; files of other kinds are left out and counted. Where whole files are
    left out, a file of records is first read to its end: one bad record, and none of it comes.
    """
    root, tell = Path(source), Reporter.of(on_bad)
    for path in read_files(root, tell, formats):
        tell.report.files_read += 1
        yield from read_one_file(path, root, names, tell, formats)


def read_files(root: Path, tell: Reporter, formats: RecordFormats) -> Iterator[Path]:
    """The files below `root` that are read, in the order in which they are; the others are counted."""
    for path in folder_files(root, tell):
        unread = None if content_suffix(path) in formats else unread_kind(path)
        if unread is None:
            yield path
        else:
            tell.report.files_unread[unread] += 1


def read_one_file(
    path: Path, root: Path, names: FieldNames, tell: Reporter, formats: RecordFormats
) -> Iterator[Record]:
    """What `read_folder` gives of one file below `root`."""
    if content_suffix(path) in formats:
        return _record_file(path, root, names, tell, formats[content_suffix(path)])
    return _document_file(path, root, tell)


def read_single_file(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """One file as one document; its id is the file's name."""
    path = Path(source)
    yield _document(path, path.name, Reporter.of(on_bad))


def folder_files(root: Path, tell: Reporter | None = None) -> Iterator[Path]:
    """The files below `root`, folder by folder, sorted by name within each.

    Files that are not regular, as pipes and devices, are left out, and counted as such; `tell` hears of closed folders.
    """

    def closed(error: OSError) -> None:
        if tell is not None:
            tell.file(InputError(f"cannot be read: {error.strerror}", source=str(error.filename)))

    for folder, folders, files in os.walk(root, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith("."):
                continue
            # A link that leads nowhere is left to its reader, which says so.
            if path.exists() and not path.is_file():
                if tell is not None:
                    tell.report.files_unread["neither a file nor a folder"] += 1
                continue
            yield path


def count_files(source: str | Path, formats: RecordFormats, count: Callable[[Path], int | None]) -> int | None:
    """How many documents `read_folder` about gives: a file is one, and files of records hold what `count` says."""
    total = 0
    for path in folder_files(Path(source)):
        if content_suffix(path) in formats:
            is_corpus = formats[content_suffix(path)].is_corpus
            try:
                inside = count(path) if is_corpus is None or is_corpus(path, FieldNames()) else 1
            except InputError:
                continue  # who reads it tells what is wrong, and goes on or stops
            if inside is None:
                return None
            total += inside
        elif unread_kind(path) is None:
            total += 1
    return total


def _document_file(path: Path, root: Path, tell: Reporter) -> Iterator[Record]:
    try:
        yield _document(path, path.relative_to(root).as_posix(), tell)
    except InputError as error:
        tell.file(error)


def _document(path: Path, id: str, tell: Reporter) -> Record:
    """A file as a record. Its fields are what it says of itself, its path, and the day when it was last changed."""
    _check_name(path, id)
    return _page_record(path, id, read_file(path), tell)


def _page_record(path: Path, id: str, page: Page, tell: Reporter) -> Record:
    if page.encoding is not None:
        tell.report.encodings[page.encoding] += 1
    if page.left_out is not None:
        tell.report.left_out[page.left_out] += 1
    fields = {"path": id, "modified": _modified(path), **page.fields}
    return Record(None, {**fields, "_id": id, "title": page.title or path.stem, "text": page.text}, str(path))


def _record_file(path: Path, root: Path, names: FieldNames, tell: Reporter, format: RecordFormat) -> Iterator[Record]:
    """The records of a file that has documents, or the file as one document."""
    id = path.relative_to(root).as_posix()
    taken = 0
    try:
        _check_name(path, id)
        if format.is_corpus is not None and not format.is_corpus(path, names):
            yield _text_document(path, id, tell)
        elif format.is_corpus is None and not _names_documents(path, names, format.read):
            yield _values_document(path, id, format.read(path, names, tell))
        else:
            if tell.whole_files and (fault := _fault(path, names, format.read)) is not None:
                tell.file(fault)
                return
            for record in format.read(path, names, tell):
                taken += 1
                yield record._replace(file=str(path))
    except InputError as error:
        # Bad records have been told of: this is a file that cannot be read on.
        went_on = taken and not tell.stops
        tell.file(
            _with(error, f"{taken:,} records before that are kept, what follows is left out") if went_on else error
        )


def _names_documents(path: Path, names: FieldNames, reader: RecordReader) -> bool:
    """Whether the first record names an id and a text. True for a bad one: the reader then says what is wrong."""
    try:
        # What stands in the file is looked at before anything is told of it.
        first = next(reader(path, names, _hold), None)
    except (_Held, InputError):
        return True
    return first is not None and is_header(list(first.values), names)


def _fault(path: Path, names: FieldNames, reader: RecordReader) -> InputError | None:
    """What is wrong with a file of records, and how much goes by with it; None if all of it can be taken."""
    bad: list[InputError] = []
    good = count = 0

    def count_bad(error: InputError) -> None:
        nonlocal count
        count += 1
        if not bad:
            bad.append(error)

    cut = ""
    try:
        for _ in documents(reader(path, names, count_bad), names, str(path), count_bad):
            good += 1
    except InputError as error:
        cut = ", and what follows where it cannot be read on"
        count_bad(error)
    if not bad:
        return None
    what = f"{good:,} good documents, {count:,} bad{cut}"
    return _with(bad[0], f"so all of the file is left out: {what}")


def _with(error: InputError, consequence: str) -> InputError:
    """The error, with what comes of it."""
    reason = f"{error.reason}; {consequence}"
    return InputError(reason, source=error.source, line=error.line, field=error.field, remedies=error.remedies)


def _text_document(path: Path, id: str, tell: Reporter) -> Record:
    """A table without names for an id and a text, as it stands in the file."""
    try:
        text, guessed = read_text(path)
    except ValueError as error:
        raise InputError(str(error), source=str(path)) from None
    return _page_record(path, id, Page(text.strip(), encoding=guessed), tell)


class _Held(Exception):
    pass


def _hold(error: InputError) -> None:
    raise _Held


def _values_document(path: Path, id: str, records: Iterator[Record]) -> Record:
    """A file whose records name no id and text: all of its values as one text."""
    try:
        text = joined(_lines(record.values) for record in records)
    except ValueError as error:
        raise InputError(str(error), source=str(path)) from None
    fields = {"path": id, "modified": _modified(path)}
    return Record(None, {**fields, "_id": id, "title": path.stem, "text": text}, str(path))


def _lines(values: dict[str, Any]) -> str:
    """Names and values of a record in one line, those within it too."""
    said, waiting = [], list(reversed(values.items()))
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend((name, item) for item in reversed(value))
        elif value not in (None, ""):
            said.append(f"{name}: {value}")
    return ", ".join(said)


def _check_name(path: Path, id: str) -> None:
    try:
        id.encode()
    except UnicodeEncodeError:
        raise InputError("the file name is not UTF-8; rename the file", source=ascii(str(path))) from None


def _modified(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()

"""A folder of text and Markdown files, each file one document."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lsr.core.errors import InputError
from lsr.text.lines import OnBad, not_utf8
from lsr.text.records import FieldNames, Record

TEXT_SUFFIXES = (".txt", ".md", ".markdown", ".rst")

_FRONT_MATTER = re.compile(r"---\n(.*?\n)?---[ \t]*(?:\n|$)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE)
_FENCED = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$", re.MULTILINE)
# An underlined first line, as in Markdown (setext) and reStructuredText, perhaps with a line above it too.
_UNDERLINED = re.compile(r"(?:([=\-~*^#\"'+])\1{2,}[ \t]*\n)?[ \t]*(\S.*?)[ \t]*\n([=\-~*^#\"'+])\3{2,}[ \t]*(?:\n|$)")


def read_folder(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """The files ending in .txt, .md, .markdown and .rst below a folder, sorted; ids are relative paths with "/".

    Hidden files and folders are left out, and links to folders are not followed.
    """
    root = Path(source)
    for path in text_files(root, on_bad):
        try:
            record = read_text_file(path, id=path.relative_to(root).as_posix())
        except InputError as error:
            on_bad(error)
            continue
        yield record


def read_single_file(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """One text file as one document; its id is the file's name."""
    path = Path(source)
    yield read_text_file(path, id=path.name)


def text_files(root: Path, on_bad: OnBad | None = None) -> Iterator[Path]:
    """The text files below `root`, folder by folder, each sorted by name; an unreadable folder goes to `on_bad`."""

    def closed(error: OSError) -> None:
        if on_bad is not None:
            on_bad(InputError(f"cannot be read: {error.strerror}", source=str(error.filename)))

    for folder, folders, files in os.walk(root, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.lower().endswith(TEXT_SUFFIXES):
                yield Path(folder, name)


def count_text_files(source: str | Path) -> int:
    """How many files `read_folder` reads of a folder."""
    return sum(1 for _ in text_files(Path(source)))


def read_text_file(path: Path, id: str) -> Record:
    """Read a whole file; the title comes from the front matter, the first heading, or the file name without its suffix.

    A heading that opens the file is the title only; anywhere else it stays in the text as well.
    """
    try:
        id.encode()
        raw = path.read_bytes()
    except UnicodeEncodeError:
        raise InputError("the file name is not UTF-8; rename the file", source=ascii(str(path))) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=str(path)) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise not_utf8(error, path, line=line, offset=len(raw) - len(error.object)) from None
    text = text.replace("\r\n", "\n")
    title, text = _split_title(text, markdown=path.suffix.lower() in (".md", ".markdown"))
    return Record(None, {"id": id, "title": title or path.stem, "text": text.strip()})


def _split_title(text: str, *, markdown: bool) -> tuple[str, str]:
    """The title ("" if there is none), and the text, without the title if it opens the file."""
    title = ""
    if markdown and (front := _FRONT_MATTER.match(text)):
        text = text[front.end() :]
        if named := _FRONT_TITLE.search(front[1] or ""):
            title = named[2]
    text = text.lstrip("\ufeff\n")
    if opening := _UNDERLINED.match(text):
        return title or opening[2], text[opening.end() :]
    if not markdown:
        return title, text
    fences = [match.span() for match in _FENCED.finditer(text)]
    for heading in _HEADING.finditer(text):
        if any(start <= heading.start() < stop for start, stop in fences):
            continue
        opens = not text[: heading.start()].strip()
        return title or heading[1], text[heading.end() :] if opens else text
    return title, text

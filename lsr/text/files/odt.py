"""OpenDocument texts, tables and slides: the paragraphs of their content.xml, by defusedxml."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.text.files.archive import check_archive
from lsr.text.files.extra import load
from lsr.text.files.page import Page, joined

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_ELEMENTS = "{http://purl.org/dc/elements/1.1/}"
_FIELDS = (("author", f"{_ELEMENTS}creator"), ("date", f"{_ELEMENTS}date"))
_SPACES = {f"{_TEXT}s": " ", f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}


def read(path: Path) -> Page:
    """The title is the file's own, or else its first heading."""
    parse = load("defusedxml.ElementTree", path)
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        try:
            content = parse.fromstring(archive.read("content.xml"))
            about = parse.fromstring(archive.read("meta.xml")) if "meta.xml" in archive.namelist() else None
        except KeyError:
            raise ValueError("is not an OpenDocument file: it has no content.xml") from None
    said = {name: None if about is None else about.findtext(f".//{tag}") for name, tag in _FIELDS}
    title = "" if about is None else about.findtext(f".//{_ELEMENTS}title") or ""
    heading = content.find(f".//{_TEXT}h")
    if not title and heading is not None:
        title = "".join(_words(heading))
    return Page(joined(_paragraphs(content)), title.strip(), {name: value for name, value in said.items() if value})


def _paragraphs(content: Any) -> Iterator[str]:
    for element in content.iter():
        if element.tag in (f"{_TEXT}p", f"{_TEXT}h"):
            yield "".join(_words(element))


def _words(element: Any) -> Iterator[str]:
    if element.text:
        yield element.text
    for inner in element:
        if inner.tag in _SPACES:
            yield _SPACES[inner.tag]
        elif inner.tag not in (f"{_TEXT}p", f"{_TEXT}h", f"{_TEXT}note"):
            yield from _words(inner)
        if inner.tail:
            yield inner.tail

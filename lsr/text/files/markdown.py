"""Markdown, with the front matter that note-taking programs and static sites put before it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError
from lsr.core.structured import parse_yaml
from lsr.text.files.page import Page
from lsr.text.files.plain import UNDERLINED
from lsr.text.files.raw import read_text
from lsr.text.records import json_value

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE)
_FENCED = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$", re.MULTILINE)


def read(path: Path) -> Page:
    """The title is the front matter's, or the first heading's; other values of the front matter are fields.

    A heading that opens the file is the title only; anywhere else it stays in the text as well. Raises InputError for
    front matter that no person writes: aliases that multiply, a hundred levels.
    """
    text, guessed = read_text(path)
    title = ""
    fields: dict[str, Any] = {}
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        title, fields = _front_matter(front[1] or "", path)
    heading, text = _split_title(text.lstrip("\ufeff\n"))
    return Page(text.strip(), title or heading, fields, guessed)


def _front_matter(text: str, path: Path) -> tuple[str, dict[str, Any]]:
    """The title and the other values. Of what is no YAML, as a line with a stray colon, the title is read alone."""
    try:
        values = parse_yaml(text, str(path), first_line=2)
    except InputError as error:
        if error.reason.startswith("is not YAML that can be read"):
            raise
        values = None
    if not isinstance(values, dict):
        named = _FRONT_TITLE.search(text)
        return named[2] if named else "", {}
    fields = {str(name): json_value(value) for name, value in values.items()}
    title = fields.pop("title", None)
    return "" if title is None else str(title), fields


def _split_title(text: str) -> tuple[str, str]:
    """The title ("" if there is none) and the text without it where it opens the file."""
    if opening := UNDERLINED.match(text):
        return opening[2], text[opening.end() :]
    fences = [match.span() for match in _FENCED.finditer(text)]
    for heading in _HEADING.finditer(text):
        if any(start <= heading.start() < stop for start, stop in fences):
            continue
        opens = not text[: heading.start()].strip()
        return heading[1], text[heading.end() :] if opens else text
    return "", text

"""Markdown, with the front matter that note-taking programs and static sites put before it."""

from __future__ import annotations

import re
from pathlib import Path

from lsr.core.errors import InputError
from lsr.core.structured import parse_yaml
from lsr.text.files.page import Page
from lsr.text.files.plain import UNDERLINED
from lsr.text.files.raw import read_text
from lsr.text.records import json_value

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
# A value as it stands: quoted, or beginning with what begins nothing else in YAML.
_FRONT_TITLE = re.compile(r"^title:[ \t]+(?:(['\"])(.+?)\1|([^\s'\"\[\]{}&*!|>%@`#].*?))[ \t]*$", re.MULTILINE)
_FRONT_NAME = re.compile(r"^[\w-][\w .-]*:(?:[ \t]|$)", re.MULTILINE)
_NOT_YAML = "front matter that is not YAML"
_FENCED = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$", re.MULTILINE)


def read(path: Path) -> Page:
    """The title is the front matter's, or the first heading's; other values of the front matter are fields.

    A heading that opens the file is the title only; anywhere else it stays in the text as well. What stands between two
    lines of hyphens but names nothing is text, not front matter. Raises InputError for
    front matter that no person writes: aliases that multiply, a hundred levels.
    """
    text, guessed = read_text(path)
    page = Page("", encoding=guessed)
    if (front := _FRONT_MATTER.match(text)) and _read_front_matter(front[1] or "", path, page):
        text = text[front.end() :]
    heading, text = _split_title(text.lstrip("\ufeff\n"))
    page.text, page.title = text.strip(), page.title or heading
    return page


def _read_front_matter(text: str, path: Path, page: Page) -> bool:
    """Title and fields, given to the page; False if it names nothing, and so is none.

    Of what is no YAML, as a line with a stray colon, the title is read alone, if it can be told.
    """
    try:
        values = parse_yaml(text, str(path), first_line=2)
    except InputError as error:
        if error.reason.startswith("is not YAML that can be read"):
            raise
        if _FRONT_NAME.search(text) is None:
            return False
        named = _FRONT_TITLE.search(text)
        page.title, page.left_out = (named[2] or named[3]) if named else "", _NOT_YAML
        return True
    if not isinstance(values, dict):
        return values is None  # comments at most
    page.fields = {str(name): json_value(value) for name, value in values.items()}
    title = page.fields.pop("title", None)
    page.title = "" if title is None or isinstance(title, list | dict) else str(title)
    return True


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
